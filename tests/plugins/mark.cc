// mark: leaves its tag on the request and on the response, so that a scenario sees who ran and in which order. Its
// configuration says what it claims to provide and consume, and whom it wants before and after it.
#include <postern/plugin.h>

namespace {

class Mark {
 public:
  static postern::Result<std::unique_ptr<Mark>> configure(postern::Setup& setup, postern::Node config) {
    auto mark = std::make_unique<Mark>();
    mark->tag_ = config["tag"].string("mark");
    mark->respond_ = static_cast<std::uint32_t>(config["respond"].integer());
    if (config["provides"]) mark->provided_ = setup.provides(config["provides"].string());
    if (config["provides_late"]) mark->late_ = setup.provides(config["provides_late"].string(), POSTERN_HOOK_RESPONSE);
    if (config["consumes"]) setup.consumes(config["consumes"].string(), "the scenario wants it");
    if (config["offers"]) setup.offers(config["offers"].string(), 1);
    if (config["needs"]) setup.needs(config["needs"].string(), 1, "the scenario wants it");
    if (config["refuses"].boolean()) setup.refuses(POSTERN_REFUSES_ANONYMOUS, "wants a mark");
    if (config["respond_if"]) mark->respond_if_ = setup.compile_expression(config["respond_if"]);
    if (config["before"]) setup.before(config["before"].string(), "the scenario wants it");
    if (config["after"]) setup.after(config["after"].string(), "the scenario wants it");
    return mark;
  }

  postern::Verdict on_request(postern::Exchange& x) {
    x.request().headers().add("x-mark", tag_).or_fail();
    if (provided_.valid()) x.set(provided_, tag_).or_fail();
    if (respond_ == 0) return postern::Verdict::CONTINUE;
    if (respond_if_ && x.holds(respond_if_) == postern::Holds::no) return postern::Verdict::CONTINUE;
    return x.respond(respond_, "text/plain", tag_);
  }

  postern::Verdict on_response(postern::Exchange& x) {
    x.response().headers().add("x-mark", tag_).or_fail();
    if (late_.valid()) x.set(late_, tag_).or_fail();
    x.response().headers().set("x-mark-version", MARK_VERSION).or_fail();
    return postern::Verdict::CONTINUE;
  }

 private:
  std::string tag_;
  std::uint32_t respond_ = 0;
  postern::Variable provided_, late_;
  postern::Expression respond_if_;
};

}  // namespace

extern "C" __attribute__((visibility("hidden"))) const postern_str postern_plugin_schema;
namespace {
constexpr char kSchema[] = R"({"type": "object", "additionalProperties": false, "properties": {
  "tag": {"type": "string", "default": "mark"}, "respond": {"type": "integer", "minimum": 200, "maximum": 599},
  "provides": {"type": "string"}, "provides_late": {"type": "string"}, "offers": {"type": "string"},
  "needs": {"type": "string"}, "refuses": {"type": "boolean"}, "respond_if": {"type": "string"}, "consumes": {"type": "string"}, "before": {"type": "string"}, "after": {"type": "string"}}})";
}
const postern_str postern_plugin_schema = {kSchema, sizeof kSchema - 1};

POSTERN_PLUGIN(Mark, "mark", MARK_VERSION, on_request, on_response);
