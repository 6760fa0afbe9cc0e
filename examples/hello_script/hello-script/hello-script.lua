-- Greets: answers requests that say who they are, and lets all others pass.
return {
  name = "hello-script",
  version = "1.0.0",
  schema = {
    greeting = {type = "string", default = "Hello", minLength = 1, description = "The first word of the answer."},
  },
  on_request = function(exchange, config)
    local name = exchange.request.headers["x-name"]
    if name then return exchange:respond(200, config.greeting .. ", " .. name .. "!\n") end
  end,
}
