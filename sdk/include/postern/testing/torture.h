// Torture: what a plugin must survive, generated from one story. Run these under sanitizers.
#pragma once

#include "postern/testing/gateway.h"

namespace postern::testing {

// Makes the gateway's instances and one request, not yet sent.
using Story = std::function<FakeExchange&(FakeGateway&)>;

// Pushes an exchange to its end: time moves on while a hook is suspended, the upstream answers 200.
inline void drive(FakeGateway& gateway, FakeExchange& x) {
  constexpr int kMaxSteps = 1000;
  x.send();
  for (int step = 0; step < kMaxSteps && !x.ended(); ++step) {
    if (x.at_upstream()) {
      x.reply(200, {{"content-type", "text/plain"}}, {"first ", "second"});
    } else if (x.responded()) {
      x.finish();
    } else if (!gateway.advance_to_next()) {
      return;
    }
  }
}

// The client goes away at every point at which the story suspends; then time goes on, so that whatever comes late
// comes. Returns at how many points that was.
inline std::size_t abort_at_every_suspension(const Story& story) {
  constexpr std::uint64_t kLongEnoughMs = 120'000;
  for (std::size_t n = 0;; ++n) {
    FakeGateway gateway;
    FakeExchange& x = story(gateway).abort_at_suspension(n);
    drive(gateway, x);
    const bool aborted = x.suspensions() > n;
    gateway.advance(kLongEnoughMs);
    if (!aborted) return n;
  }
}

// Every resume comes late and twice; the story must end like any other.
inline void resume_late_and_twice(const Story& story, const std::function<void(FakeExchange&)>& check) {
  FakeGateway gateway;
  gateway.torture_resumes();
  FakeExchange& x = story(gateway);
  drive(gateway, x);
  check(x);
}

// Calls `check` with `body` whole, cut in two at every place, and byte by byte.
inline void every_split(std::string_view body, const std::function<void(FakeExchange::Chunks)>& check) {
  check({std::string(body)});
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    check({std::string(body.substr(0, cut)), std::string(body.substr(cut))});
  }
  FakeExchange::Chunks bytes;
  for (char c : body) bytes.emplace_back(1, c);
  check(bytes);
}

}  // namespace postern::testing
