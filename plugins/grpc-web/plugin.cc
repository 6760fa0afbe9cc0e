// grpc-web: lets browsers call gRPC upstreams (PROTOCOL-WEB.md).
#include <postern/plugin.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base64.h"
#include "media_type.h"
#include "refusal.h"
#include "trailer_frame.h"

namespace {

constexpr std::string_view kContentType = "Content-Type";
constexpr std::string_view kStatus = "grpc-status";
constexpr std::string_view kMessage = "grpc-message";
constexpr std::string_view kUnknown = "2";
constexpr std::string_view kNoStatus = "the upstream ended the response without a status";

class GrpcWeb {
 public:
  struct State {
    enum class Answer { untouched, translated, refused };
    bool decided = false;
    bool is_call = false;        // the request is gRPC-Web's
    bool text_request = false;   // in base64
    bool text_response = false;  // the same
    bool status_in_head = false;
    Answer answer = Answer::untouched;
    std::string_view suffix;  // "+proto", of the request
    Base64Decoder decoder;
  };

  static postern::Result<std::unique_ptr<GrpcWeb>> configure(postern::Setup& setup, postern::Node) {
    setup.request_body(postern::BodyPolicy::stream(true));
    setup.response_body(postern::BodyPolicy::stream(true));
    return std::make_unique<GrpcWeb>();
  }

  postern::Verdict on_request(postern::Exchange& x, State& s) {
    decide(x, s);
    if (!s.text_request) x.request_body().detach();
    if (!s.is_call) {
      x.response_body().detach();
      return postern::Verdict::CONTINUE;
    }
    auto headers = x.request().headers();
    headers.set(kContentType, std::string("application/grpc").append(s.suffix)).or_fail();
    headers.set("TE", "trailers").or_fail();
    headers.remove("Accept");  // it names what a gRPC server does not speak
    return postern::Verdict::CONTINUE;
  }

  postern::Verdict on_request_body(postern::Exchange& x, State& s, postern::BodyPart part) {
    std::string bytes;
    bool good = s.decoder.decode(part.bytes, bytes) && (!part.end() || s.decoder.at_boundary());
    if (!good) return x.respond_error(400, "BAD_REQUEST", "the body is not base64, as its Content-Type says");
    x.request_body().replace(bytes).or_fail();
    return postern::Verdict::CONTINUE;
  }

  postern::Verdict on_response(postern::Exchange& x, State& s) {
    decide(x, s);
    if (!s.is_call) {
      x.response_body().detach();  // of a request that was refused before on_request
      return postern::Verdict::CONTINUE;
    }
    auto headers = x.response().headers();
    auto type = read_media_type(headers.get(kContentType).value_or(""));
    s.answer = State::Answer::untouched;  // another answer may have been here before
    if (type.kind == MediaType::Kind::grpc) {
      s.answer = State::Answer::translated;
      if (x.info().response_bodiless != 0 && !headers.contains(kStatus)) {  // no hook will hear of the end
        headers.set(kStatus, kUnknown).or_fail();
        headers.set(kMessage, kNoStatus).or_fail();
      }
      s.status_in_head = headers.contains(kStatus);
      headers.set(kContentType, web_type(s.text_response, type.suffix.empty() ? s.suffix : type.suffix)).or_fail();
    } else if (x.response().status() >= 400) {
      refuse(x, s);
    }
    return postern::Verdict::CONTINUE;
  }

  postern::Verdict on_response_body(postern::Exchange& x, State& s, postern::BodyPart part) {
    if (s.answer == State::Answer::untouched) return postern::Verdict::CONTINUE;
    std::string bytes;
    if (s.answer == State::Answer::translated) {
      append(s, bytes, part.bytes);
      if (part.end() && !s.status_in_head) append(s, bytes, take_trailers(x));
    }
    x.response_body().replace(bytes).or_fail();
    return postern::Verdict::CONTINUE;
  }

 private:
  static void decide(const postern::Exchange& x, State& s) {
    if (s.decided) return;
    s.decided = true;
    auto headers = x.request().headers();
    auto type = read_media_type(headers.get(kContentType).value_or(""));
    bool web = type.kind == MediaType::Kind::web || type.kind == MediaType::Kind::web_text;
    if (!web || x.request().method() != "POST") return;
    s.is_call = true;
    s.text_request = type.kind == MediaType::Kind::web_text;
    s.text_response = wants_text(type, headers.get("Accept").value_or(""));
    s.suffix = x.keep(type.suffix);
  }

  // An answer that is no gRPC's, the gateway's own above all, becomes a status in the head, without a body.
  static void refuse(postern::Exchange& x, State& s) {
    s.answer = State::Answer::refused;
    bool gateways = x.info().origin != POSTERN_ORIGIN_UPSTREAM;
    auto refusal = refusal_of(x.response().status(), gateways);
    auto headers = x.response().headers();
    x.response().set_status(200).or_fail();
    headers.set(kContentType, web_type(s.text_response, s.suffix)).or_fail();
    headers.remove("Content-Encoding");
    if (headers.contains(kStatus)) return;  // a plugin has said it already
    headers.set(kStatus, std::to_string(refusal.code)).or_fail();
    headers.set(kMessage, refusal.message).or_fail();
  }

  static void append(const State& s, std::string& body, std::string_view bytes) {
    if (s.text_response)
      append_base64(body, bytes);
    else
      body.append(bytes);
  }

  static std::string take_trailers(const postern::Exchange& x) {
    auto trailers = x.response().trailers();
    TrailerFrame frame;
    std::vector<std::string> names;
    for (auto trailer : trailers) {
      frame.add(trailer.name, trailer.value);
      names.emplace_back(trailer.name);
    }
    if (!trailers.contains(kStatus)) {
      frame.add(kStatus, kUnknown);
      frame.add(kMessage, kNoStatus);
    }
    for (const auto& name : names) trailers.remove(name);
    return frame.bytes();
  }
};

}  // namespace

POSTERN_PLUGIN(GrpcWeb, "grpc-web", "1.0.0", on_request, on_request_body, on_response, on_response_body);
