"""F27: a hook that would never be called, or whose answer nobody hears, does not compile, and the first error says why."""
import pytest

from support.cxx import errors_of


def plugin(members, hooks, access="public:"):
    return f"""#include <postern/plugin.h>
using namespace postern;
class P {{
 {access}
  {members}
}};
POSTERN_PLUGIN(P, "p", "1.0.0"{hooks});
"""


ON_REQUEST = "Verdict on_request(Exchange&) { return Verdict::CONTINUE; }"
BODY = "Verdict on_request_body(Exchange&, BodyPart) { return Verdict::CONTINUE; }"


@pytest.mark.parametrize("members, hooks", [
    (ON_REQUEST, "on_request"),
    ("struct State {}; Verdict on_request(Exchange&, State&) { return Verdict::CONTINUE; }", "on_request"),
    ("Task<Verdict> on_request(Exchange& x) { co_await postern::sleep(1); co_return x.respond(200); }", "on_request"),
    ("void on_complete(Exchange&, const Completion&) {} static void on_load() {}", "on_load, on_complete"),
    (BODY + ON_REQUEST, "on_request_body, on_request"),
    ("Status on_worker_start(std::uint32_t) { return POSTERN_OK; }", "on_worker_start"),
    ("void publish() {}", "no_hooks"),
])
def test_hooks_that_are_what_they_are_called_compile(members, hooks):
    assert errors_of(plugin(members, f", {hooks}")) == []


@pytest.mark.parametrize("members, hooks, access, words", [
    (ON_REQUEST, ", on_request", "private:", "on_request cannot be called: it is not public"),
    (ON_REQUEST, ", on_reqest", "public:", "names something that is no hook; the hooks are on_connection, on_request_early"),
    (ON_REQUEST.replace("on_request", "on_reqest"), ", on_request", "public:", "names on_request, which the class does not have"),
    ("void on_request(Exchange&) {}", ", on_request", "public:", "on_request returns the wrong type"),
    ("Verdict on_complete(Exchange&, const Completion&) { return Verdict::CONTINUE; }", ", on_complete", "public:",
     "on_complete returns the wrong type"),
    (BODY.replace(", BodyPart", ""), ", on_request_body", "public:", "on_request_body has parameters that do not fit"),
    ("Verdict on_request(Exchange&, int); Verdict on_request(int);", ", on_request", "public:",
     "there are several and none of them fits"),
    (ON_REQUEST + BODY, ", on_request", "public:", "has on_request_body, which POSTERN_PLUGIN does not name"),
    (ON_REQUEST + "\n private:\n" + BODY, ", on_request", "public:", "has on_request_body, which POSTERN_PLUGIN does not name"),
    ("void publish() {}", "", "public:", "names no hooks"),
    (ON_REQUEST, ", no_hooks, on_request", "public:", "no_hooks stands alone"),
])
def test_others_are_named_in_the_first_error(members, hooks, access, words):
    errors = errors_of(plugin(members, hooks, access))
    assert errors and words in errors[0], errors


# F21, F28
@pytest.mark.parametrize("code, words", [
    ("x.respond(403);", "postern::Verdict"),
    ('x.request().headers().set("x-user", "eve");', "postern::Status"),
    ('x.set(Variable("a.b"), 1);', "postern::Status"),
])
def test_what_can_fail_is_looked_at(code, words):
    errors = errors_of(plugin(f"Verdict on_request(Exchange& x) {{ {code} return Verdict::CONTINUE; }}", ", on_request"))
    assert len(errors) == 1 and words in errors[0] and "nodiscard" in errors[0], errors
