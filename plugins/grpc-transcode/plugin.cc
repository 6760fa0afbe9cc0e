// grpc-transcode: JSON clients call gRPC upstreams, as google.api.http annotations say.
#include <postern/grpc.h>
#include <postern/plugin.h>
#include <postern/text/ascii.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "answer.h"
#include "config.h"
#include "message_frames.h"
#include "rpc_status.h"
#include "stream_text.h"
#include "transcoder.h"

namespace {

using postern::same_ignoring_case;
using postern::starts_ignoring_case;
using postern::Verdict;
namespace grpc = postern::grpc;

constexpr std::string_view kContentType = "Content-Type";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kStatus = "grpc-status";

// application/grpc, also with a suffix or parameters.
bool is_grpc(std::string_view type) {
  constexpr std::string_view kGrpc = "application/grpc";
  if (!starts_ignoring_case(type, kGrpc)) return false;
  auto rest = type.substr(kGrpc.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';' || rest.front() == ' ';
}

ToldStatus told_status(postern::Headers headers) {
  auto status = headers.get(kStatus);
  if (!status) return std::nullopt;
  return read_status(*status, headers.get("grpc-message").value_or(""));
}

void remove_all(postern::Headers headers) {
  std::vector<std::string> names;
  for (auto header : headers) names.emplace_back(header.name);
  for (const auto& name : names) headers.remove(name);
}

// What says how the upstream's messages are packed, and nothing to a client of JSON.
bool is_of_the_call(std::string_view name) {
  return starts_ignoring_case(name, "grpc-") || same_ignoring_case(name, "content-type") ||
         same_ignoring_case(name, "content-encoding");
}

class GrpcTranscode {
 public:
  struct State {
    enum class Answer { untouched, unary, stream };
    const Call* call = nullptr;  // null: the request is no call of ours
    std::vector<PathVariable> variables;
    std::string query;
    StreamKind kind = StreamKind::lines;  // where the call streams
    Answer answer = Answer::untouched;
    StreamAnswer stream;
    std::string text;             // of what came last, while it is being told
    std::uint64_t failed_ms = 0;  // when the error of the stream was told, and what came since
    std::uint64_t ignored = 0;
    postern::Timer turns;
  };

  static postern::Result<std::unique_ptr<GrpcTranscode>> configure(postern::Setup& setup, postern::Node config) {
    auto made = std::make_unique<GrpcTranscode>();
    made->settings_ = read_settings(setup, config);
    using Overflow = postern::BodyPolicy::Overflow;
    setup.request_body(postern::BodyPolicy::buffer(made->settings_.request_limit, Overflow::reject, true));
    setup.response_body(
        postern::BodyPolicy::buffer(made->settings_.response_limit + kFrameHead, Overflow::reject, true));
    return made;
  }

  Verdict on_request(postern::Exchange& x, State& s) {
    auto request = x.request();
    if (request.method() == "POST" && is_grpc(request.headers().get(kContentType).value_or(""))) return pass(x);
    auto found = find(request);
    if (found.call == nullptr) return settings_.refuses_unmatched ? refuse(x, found.methods) : pass(x);
    if (found.call->client_streams)
      return answer(
          x, {grpc::unimplemented, "the call takes a stream of messages, which a request of HTTP has no form for"});
    auto coding = request.headers().get("Content-Encoding");
    if (coding && !same_ignoring_case(*coding, "identity"))
      return answer(x, {grpc::invalid_argument, "the body must not be compressed"});
    s.call = found.call;
    s.variables = std::move(found.variables);
    s.query = request.query();
    s.kind = wanted_kind(request.headers().get("Accept").value_or(""));
    // The answer to a unary call has to be seen; the client gets its head. That of a stream is known when it begins.
    if (request.method() == "HEAD" && !s.call->server_streams) request.set_method("GET").or_fail();
    if (x.info().request_bodiless == 0) return Verdict::CONTINUE;
    auto message = message_of(s, {});
    if (auto* refused = std::get_if<RpcStatus>(&message)) return answer(x, *refused);
    if (x.request_body().give(std::get<std::string>(message))) return Verdict::CONTINUE;
    return answer(x, {grpc::resource_exhausted, "the gateway has no room for the message"});
  }

  Verdict on_request_body(postern::Exchange& x, State& s, postern::BodyPart part) {
    if (s.call == nullptr) return Verdict::CONTINUE;
    auto message = message_of(s, part.bytes);
    if (auto* refused = std::get_if<RpcStatus>(&message)) return answer(x, *refused);
    remove_all(x.request().trailers());  // a call has none
    x.request_body().replace(std::get<std::string>(message)).or_fail();
    return Verdict::CONTINUE;
  }

  // Each attempt has a head of its own, behind what the route rewrites.
  Verdict on_upstream_request(postern::Exchange& x, State& s) {
    if (s.call == nullptr) return Verdict::CONTINUE;
    auto request = x.request();
    bool said = request.set_method("POST") && request.set_path(s.call->path) && request.set_query("");
    auto headers = request.headers();
    said = said && headers.set(kContentType, "application/grpc") && headers.set("TE", "trailers");
    for (std::string_view name :
         {"Accept", "Accept-Encoding", "Content-Encoding", "grpc-encoding", "grpc-accept-encoding"})
      headers.remove(name);
    return said ? Verdict::CONTINUE : Verdict::ERROR;
  }

  Verdict on_response(postern::Exchange& x, State& s) {
    s.answer = State::Answer::untouched;
    if (s.call == nullptr || x.info().origin != POSTERN_ORIGIN_UPSTREAM) return pass_response(x);
    auto headers = x.response().headers();
    auto type = headers.get(kContentType).value_or("");
    if (auto told = told_status(headers)) return answer_to_head(x, s, *told);
    if (x.response().status() != 200 || !is_grpc(type))
      return answer_instead(x, status_of_answer(x.response().status(), type));
    bool is_head = x.request().method() == "HEAD";
    if (x.info().response_bodiless != 0 && !is_head) return answer_instead(x, *ended({}));
    begin_answer(x, s);
    return Verdict::CONTINUE;
  }

  Verdict on_response_body(postern::Exchange& x, State& s, postern::BodyPart part) {
    if (s.answer == State::Answer::untouched || x.info().origin != POSTERN_ORIGIN_UPSTREAM) return Verdict::CONTINUE;
    return s.answer == State::Answer::unary ? tell_whole(x, s, part) : tell_more(x, s, part);
  }

 private:
  static constexpr std::uint64_t kFrameHead = 5;
  static constexpr std::uint64_t kTurnMs = 1;               // others are served between two turns of one
  static constexpr std::uint64_t kGraceMs = 1'000;          // for an error to reach the client
  static constexpr std::uint64_t kMaxIgnored = 64 * 1'024;  // bytes behind it that are taken meanwhile

  // HEAD is what GET is, unless an annotation speaks of it.
  Transcoder::Found find(postern::Request request) const {
    auto found = settings_.transcoder->find(request.method(), request.path());
    if (found.call == nullptr && request.method() == "HEAD")
      if (auto get = settings_.transcoder->find("GET", request.path()); get.call != nullptr) return get;
    return found;
  }

  static Verdict pass(postern::Exchange& x) {
    x.request_body().detach();
    return pass_response(x);
  }
  static Verdict pass_response(postern::Exchange& x) {
    x.response_body().detach();
    return Verdict::CONTINUE;
  }

  static Verdict answer(postern::Exchange& x, const RpcStatus& status) {
    return x.respond(grpc::http_of_code(status.code), kJson, status_json(status));
  }
  static Verdict refuse(postern::Exchange& x, const std::vector<std::string_view>& methods) {
    if (methods.empty()) return answer(x, {grpc::not_found, "no call has this path"});
    std::string allowed;
    for (auto method : methods) allowed.append(allowed.empty() ? "" : ", ").append(method);
    auto verdict = x.respond(405, kJson, status_json({grpc::unimplemented, "no call of this path has this method"}));
    x.response().headers().set("Allow", allowed).or_fail();
    return verdict;
  }

  std::variant<std::string, RpcStatus> message_of(const State& s, std::string_view body) const {
    auto message = settings_.transcoder->request(*s.call, s.variables, s.query, body);
    if (auto* problem = std::get_if<Transcoder::Problem>(&message))
      return RpcStatus{grpc::invalid_argument, std::move(problem->text)};
    return framed(std::get<std::string>(message));
  }

  static std::optional<RpcStatus> ended(ToldStatus told) {
    if (told) return told;
    return RpcStatus{grpc::unknown, "the server ended the answer without a status"};
  }

  // A response of the gateway's in place of the upstream's; what the upstream says besides the call stays.
  static Verdict answer_instead(postern::Exchange& x, std::uint32_t http_status, std::string_view type,
                                std::string_view body) {
    std::vector<std::pair<std::string, std::string>> kept;
    for (auto header : x.response().headers())
      if (!is_of_the_call(header.name) && !same_ignoring_case(header.name, "date"))
        kept.emplace_back(header.name, header.value);
    auto verdict = x.respond(http_status, type, body);
    for (const auto& [name, value] : kept) x.response().headers().add(name, value).or_fail();
    return verdict;
  }
  static Verdict answer_instead(postern::Exchange& x, const RpcStatus& status) {
    return answer_instead(x, grpc::http_of_code(status.code), kJson, status_json(status));
  }

  // The status in the head: no message comes.
  static Verdict answer_to_head(postern::Exchange& x, const State& s, const RpcStatus& told) {
    if (told.code != grpc::ok) return answer_instead(x, told);
    if (!s.call->server_streams) return answer_instead(x, {grpc::internal, "the server answered without a message"});
    return answer_instead(x, 200, content_type(s.kind), end_text(s.kind));
  }

  void begin_answer(postern::Exchange& x, State& s) const {
    auto headers = x.response().headers();
    std::vector<std::string> names;
    for (auto header : headers)
      if (is_of_the_call(header.name)) names.emplace_back(header.name);
    for (const auto& name : names) headers.remove(name);
    if (!s.call->server_streams) {
      s.answer = State::Answer::unary;
      headers.set(kContentType, kJson).or_fail();
      return;
    }
    s.answer = State::Answer::stream;
    s.stream = StreamAnswer(s.kind, settings_.response_limit);
    x.response_body().stream().or_fail();
    headers.set(kContentType, content_type(s.kind)).or_fail();
    if (s.kind == StreamKind::events && !headers.contains("Cache-Control"))
      headers.set("Cache-Control", "no-cache").or_fail();
  }

  Verdict tell_whole(postern::Exchange& x, const State& s, postern::BodyPart part) const {
    auto told = unary_answer(*settings_.transcoder, *s.call, settings_.response_limit, part.bytes,
                             told_status(x.response().trailers()));
    remove_all(x.response().trailers());
    if (auto* json = std::get_if<std::string>(&told)) {
      x.response_body().replace(*json).or_fail();
      return Verdict::CONTINUE;
    }
    const auto& failed = std::get<RpcStatus>(told);
    x.response().set_status(grpc::http_of_code(failed.code)).or_fail();
    x.response_body().replace(status_json(failed)).or_fail();
    return Verdict::CONTINUE;
  }

  Verdict tell_more(postern::Exchange& x, State& s, postern::BodyPart part) const {
    if (s.stream.failed()) return after_error(x, s, part);
    s.stream.feed(part.bytes);
    s.text.clear();
    if (tell_some(x, s, part.end())) return Verdict::CONTINUE;
    auto ticket = x.pause();
    s.turns = postern::Timer::every(x.instance(), kTurnMs, [this, x, &s, ticket, end = part.end()] {
      if (!tell_some(x, s, end)) return;
      s.turns = {};
      ticket.resume();
    });
    return s.turns ? Verdict::SUSPEND : Verdict::ERROR;
  }

  // False: not all of what came has been told.
  bool tell_some(const postern::Exchange& x, State& s, bool end) const {
    if (!s.stream.tell(*settings_.transcoder, *s.call, s.text)) return false;
    if (end) {
      s.text += s.stream.end(told_status(x.response().trailers()));
      remove_all(x.response().trailers());
    }
    x.response_body().replace(s.text).or_fail();
    s.text = {};
    if (s.stream.failed()) s.failed_ms = postern::now_ms();
    return true;
  }

  // Nothing may follow the error, but it has to reach the client before the rest is cut off.
  static Verdict after_error(postern::Exchange& x, State& s, postern::BodyPart part) {
    x.response_body().replace({}).or_fail();
    if (part.end()) {
      remove_all(x.response().trailers());
      return Verdict::CONTINUE;
    }
    auto since = postern::now_ms() - s.failed_ms;
    if (since >= kGraceMs) return Verdict::ABORT;
    s.ignored += part.bytes.size();
    if (s.ignored <= kMaxIgnored) return Verdict::CONTINUE;
    auto ticket = x.pause();
    s.turns = postern::Timer(x.instance(), kGraceMs - since, [ticket] { ticket.resume(); });
    return s.turns ? Verdict::SUSPEND : Verdict::ABORT;
  }

  Settings settings_;
};

}  // namespace

POSTERN_PLUGIN(GrpcTranscode, "grpc-transcode", "1.0.0", on_request, on_request_body, on_upstream_request, on_response,
               on_response_body);
