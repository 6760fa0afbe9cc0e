"""Every end of every hook under every body policy: what the client gets, that the worker serves on, and that each exchange completes once.

Not in the table: body hooks without a policy, which are never called, and an end that comes later in on_upstream_result and on_complete, which may not
wait. These two have no verdict either: however they end, nothing changes. on_request_early is a hook of the gateway-wide chain alone: its instances
stand there, each for the path of its case."""
from collections import Counter
from dataclasses import dataclass

import pytest

from support.gateway import BUILD
from support.h2_client import StreamReset
from support.upstream import ok
from support.wire import Truncated

PATHS = {"cpp": [str(BUILD / "test-plugins/v1")], "lua": [str(BUILD / "plugins"), "<dir>"]}

BODY_HOOKS = ["on_request_body", "on_response_body"]
HOOKS = ["on_request_early", "on_request", "on_upstream_select", "on_upstream_request", "on_response", *BODY_HOOKS]
WITHOUT_VERDICT = ["on_upstream_result", "on_complete"]
ENDS = ["continue", "respond", "abort", "error", "throw", "never"]
LATER = ["continue", "respond", "abort", "error"]  # by resume() from a timer
POLICIES = ["none", "stream", "buffer"]


@dataclass(frozen=True)
class Case:
    hook: str
    body: str
    end: str
    later: bool = False

    @property
    def name(self):
        return "-".join([self.hook.replace("_", "-"), self.body, *["later"] * self.later, self.end])

    @property
    def instance(self):
        settings = {"name": self.name, "timeout": "50ms" if self.end == "never" else "30s"}
        if self.hook == "on_request_early":
            settings["when"] = f'path == "/{self.name}"'
        return {"verdicts": {"hook": self.hook, "body": self.body, "end": self.end, "later": self.later, "_": settings}}

    @property
    def outcomes(self):
        """What the client may get."""
        if self.end == "continue" or self.hook in WITHOUT_VERDICT:
            return ["200 from upstream"]
        if (self.hook, self.body) == ("on_response_body", "stream"):  # its head has gone out already, or is dropped with its stream (HTTP/2)
            return ["200 broken off", "nothing"]
        return [{"respond": "403 mine", "abort": "nothing", "error": "500 INTERNAL_ERROR", "throw": "500 INTERNAL_ERROR",
                 "never": "504 TIMEOUT"}[self.end]]


CASES = [
    *[Case(hook, body, end) for hook in HOOKS for body in POLICIES for end in ENDS if (hook in BODY_HOOKS) <= (body != "none")],
    *[Case(hook, body, end, later=True) for hook in HOOKS for body in POLICIES for end in LATER if (hook in BODY_HOOKS) <= (body != "none")],
    *[Case(hook, body, end) for hook in WITHOUT_VERDICT for body in POLICIES for end in ENDS],
]

SCRIPT = """
local ends = {
  respond = function(exchange) return exchange:respond(403, "mine") end,
  abort = function(exchange) return exchange:abort() end,
  error = function() return "no verdict" end,
  throw = function() error("as the scenario wants") end,
  never = function() postern.sleep("1h") end,
  continue = function() end,
}
local function act(hook)
  return function(exchange, config)
    if hook == "on_complete" then postern.log.info("completed") end
    if hook ~= config.hook then return end
    if config.later then postern.sleep("1ms") end
    return ends[config["end"]](exchange)
  end
end
local function policy(config)
  if config.body == "buffer" then return {policy = "buffer", limit = "64k"} end
  if config.body == "stream" then return "stream" end
end
local script = {
  name = "verdicts", version = "1.0.0", request_body = policy, response_body = policy,
  schema = {hook = {type = "string"}, ["end"] = {type = "string"}, body = {type = "string"}, later = {type = "boolean", default = false}},
}
for _, hook in ipairs({<hooks>}) do script[hook] = act(hook) end
return script
""".replace("<hooks>", ", ".join(f'"{hook}"' for hook in HOOKS + WITHOUT_VERDICT))


def configuration(language, upstream):
    early = [case for case in CASES if case.hook == "on_request_early"]
    others = [case for case in CASES if case.hook != "on_request_early"]
    return {
        "plugin_path": PATHS[language],
        "upstreams": {"backend": {"targets": [str(upstream)]}},
        "plugins": [case.instance for case in early],
        "routes": [{"id": "all", "match": {"path": "/*"}, "upstream": "backend"}] +
                  [{"id": case.name, "match": {"path": f"/{case.name}"}, "upstream": "backend", "plugins": [case.instance]} for case in others],
    }


def told(response):
    own = response.headers.get("Content-Type") == "application/json"
    return f"{response.status} {response.error_code if own else response.text}"


def over_http1(gw, path):
    with gw.http1() as client:
        client.send_request("POST", path, body="from client")
        try:
            head = client.read_head()
        except Truncated:
            return "nothing"
        try:
            return told(client.reader.body_into(head, until_close=True))
        except Truncated:
            return f"{head.status} broken off"


def over_h2(gw, path):
    with gw.h2() as client:
        client.send_request("POST", path, body="from client")
        try:
            return told(client.response(client.latest))
        except StreamReset:
            head = client.streams[client.latest].response
            return f"{head.status} broken off" if head else "nothing"


@pytest.mark.parametrize("ask", [over_http1, over_h2])
@pytest.mark.parametrize("language", ["cpp", "lua"])
def test_every_end_of_every_hook_under_every_body_policy(gateway, upstream, language, ask):
    gw = gateway(configuration(language, upstream(ok("from upstream"))), files={"verdicts/verdicts.lua": SCRIPT})
    got = {}
    with gw.client() as other:
        for case in CASES:
            got[case.name] = ask(gw, "/" + case.name)
            assert other.get().text == "from upstream", f"the worker serves nobody after {case.name}"
    gw.stop()
    assert {case.name: got[case.name] for case in CASES if got[case.name] not in case.outcomes} == {}
    assert Counter(line["instance"] for line in gw.log('"completed"')) == {case.name: 1 for case in CASES}
    print(f"{len(CASES)} verdicts of {language} {ask.__name__.replace('_', ' ')}")


def test_the_table_is_whole():
    assert len(CASES) == 226
    assert len({case.name for case in CASES}) == len(CASES)
