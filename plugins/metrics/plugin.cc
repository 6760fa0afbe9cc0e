// metrics: counts and times exchanges, and serves the Prometheus page.
#include <postern/plugin.h>

#include <memory>
#include <string>
#include <vector>

namespace {

// Methods of RFC 9110 and PATCH; whatever else a client invents shares one series.
std::string_view known_method(std::string_view method) {
  for (std::string_view known : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"})
    if (known == method) return known;
  return "other";
}

class Metrics {
 public:
  static postern::Result<std::unique_ptr<Metrics>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<Metrics>();
    self->path_ = config["path"].string();
    self->listener_ = config["listener"].string();
    std::vector<double> buckets;
    for (auto bound : config["buckets"]) buckets.push_back(bound.number());
    for (std::size_t i = 1; i < buckets.size(); ++i) {
      if (buckets[i] <= buckets[i - 1]) return setup.error(config["buckets"].at(i), "buckets must ascend");
    }
    const auto most = static_cast<std::uint64_t>(config["max_series"].integer());
    if (!self->name_families(setup.instance(), buckets, most))
      return setup.error(config["buckets"],
                         "buckets cannot change while the gateway runs; restart it, or restore those in use");
    self->listener_name_ = setup.variable("listener.name");
    if (self->path_.empty()) setup.disable(POSTERN_HOOK_REQUEST_EARLY | POSTERN_HOOK_REQUEST);
    setup.run_at_first_request_hook();
    return self;
  }

  postern::Verdict on_request_early(postern::Exchange& x) { return answer(x); }
  postern::Verdict on_request(postern::Exchange& x) { return answer(x); }

  void on_complete(postern::Exchange& x, const postern::Completion& end) {
    Route& r = routes_.of(x, [this](std::string_view name) { return Route(*this, name); });
    r.requests(*this, known_method(x.request().method()), end.status).add();
    r.duration.observe(static_cast<double>(end.duration_ns) / 1e9);
    if (end.upstream_duration_ns > 0) r.upstream.observe(static_cast<double>(end.upstream_duration_ns) / 1e9);
    r.in.add(static_cast<double>(end.request_head_bytes + end.request_body_bytes));
    r.out.add(static_cast<double>(end.response_head_bytes + end.response_body_bytes));
    if (end.error_code_view.len > 0)
      errors_.with({std::string_view(end.error_code_view.ptr, end.error_code_view.len)}).add();
  }

 private:
  // False when a name is taken by a family that differs. Only `buckets` can make one differ.
  bool name_families(postern::Instance instance, const std::vector<double>& buckets, std::uint64_t most) {
    requests_ = {
        instance, "postern_requests_total", "Exchanges that have ended.", {{"route", "method", "status"}, {}, most}};
    duration_ = {instance,
                 "postern_request_duration_seconds",
                 "From the request head to the end of the response.",
                 {{"route"}, buckets, most}};
    upstream_ = {instance,
                 "postern_upstream_duration_seconds",
                 "From an attempt's start to the upstream's response head.",
                 {{"route"}, buckets, most}};
    in_ = {instance, "postern_request_bytes_total", "Bytes of request heads and bodies.", {{"route"}, {}, most}};
    out_ = {instance, "postern_response_bytes_total", "Bytes of response heads and bodies.", {{"route"}, {}, most}};
    errors_ = {
        instance, "postern_errors_total", "Errors that the gateway itself answered, by code.", {{"code"}, {}, 0}};
    return requests_ && duration_ && upstream_ && in_ && out_ && errors_;
  }

  struct Route {
    Route(const Metrics& m, std::string_view route_name)
        : name(route_name),
          duration(m.duration_.with({name})),
          upstream(m.upstream_.with({name})),
          in(m.in_.with({name})),
          out(m.out_.with({name})) {}
    // The last method and status are the next ones nearly always.
    postern::Counter requests(const Metrics& m, std::string_view method, std::uint32_t status) {
      if (status == last_status && method == last_method) return last;
      last_status = status;
      last_method = method;
      last = m.requests_.with({name, method, std::to_string(status)});
      return last;
    }
    std::string name;
    postern::Histogram duration, upstream;
    postern::Counter in, out, last;
    std::uint32_t last_status = 0;
    std::string_view last_method;
  };

  postern::Verdict answer(postern::Exchange& x) const {
    auto request = x.request();
    bool mine = request.path() == path_ && (request.method() == "GET" || request.method() == "HEAD");
    if (!mine) return postern::Verdict::CONTINUE;
    if (!listener_.empty() && x.get(listener_name_).string() != listener_) return postern::Verdict::CONTINUE;
    std::string page = postern::expose_metrics();
    return x.respond(200, "text/plain; version=0.0.4; charset=utf-8", page);
  }

  std::string path_;
  std::string listener_;
  postern::Family<postern::Counter> requests_, in_, out_, errors_;
  postern::Family<postern::Histogram> duration_, upstream_;
  postern::Variable listener_name_;
  postern::PerRoute<Route> routes_;
};

}  // namespace

POSTERN_PLUGIN(Metrics, "metrics", "1.0.0", on_request_early, on_request, on_complete);
