-- Detects AI agents by the headers with which they present themselves; says who it is to later plugins, to the log and to
-- the metrics. It believes what it reads: an agent's name is a claim, not a proof.

local function trimmed(text)
  return text:match("^%s*(.-)%s*$")
end

-- Printable characters without quotes or backslashes, so that no log or metric needs to escape them.
local function is_clean(text, max_length)
  return #text > 0 and #text <= max_length and not text:find("[^%w%-%._:/@+ ]")
end

-- The header's value when it is usable. Second result: true when it is there and not usable.
local function claim(exchange, header, max_length)
  local value = exchange.request.headers[header]
  if not value then return nil, false end
  value = trimmed(value)
  if is_clean(value, max_length) then return value, false end
  return nil, true
end

local requests

local function count(agent)
  requests:add(1, agent)
end

local function log(exchange, config, kind, id)
  if config.log == "off" then return end
  local request = exchange.request
  postern.log[config.log]("AI agent", {agent = kind, id = id, method = request.method, path = request.path})
end

return {
  name = "ai-agent",
  version = "1.0.0",
  description = "Detects AI agents by X-AI-Agent and AI-Agent-ID",
  schema = {
    kind_header = {type = "string", default = "x-ai-agent", minLength = 1, description = "Header that names the kind of agent."},
    id_header = {type = "string", default = "ai-agent-id", minLength = 1, description = "Header that names one agent."},
    max_length = {
      type = "integer", default = 64, minimum = 1, maximum = 256,
      description = "Longer values are not believed; bytes.",
    },
    max_agents = {
      type = "integer", default = 100, minimum = 1, maximum = 10000,
      description = "Values of the metric's label; further ones are counted under \"other\".",
    },
    log = {
      type = "string", enum = {"off", "debug", "info"}, default = "info",
      description = "Level of the line that is logged for each request of an agent.",
    },
  },
  provides = {"agent.id", "agent.kind"},

  on_worker_start = function(config)
    requests = postern.metric.counter("postern_ai_agent_requests_total", {
      help = "Requests that presented themselves as an AI agent.", labels = {"agent"}, max_series = config.max_agents,
    })
  end,

  on_request = function(exchange, config)
    local kind, bad_kind = claim(exchange, config.kind_header, config.max_length)
    local id, bad_id = claim(exchange, config.id_header, config.max_length)
    if not kind and not id then
      if bad_kind or bad_id then count("invalid") end
      return
    end
    local variables = exchange.variables
    variables["agent.kind"] = kind or "unknown"
    variables["agent.id"] = id or kind
    count(kind or id)
    log(exchange, config, kind or "unknown", id or kind)
  end,
}
