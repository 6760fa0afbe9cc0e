#include "exchange/body_pipe.h"

#include <algorithm>
#include <utility>

namespace postern::proxy {

namespace {
const postern_body_policy& policy_of(const Link& link, std::uint32_t message) {
  return message == POSTERN_REQUEST ? link.instance->request_body : link.instance->response_body;
}

bool has(const std::vector<const Instance*>& instances, const Instance& one) {
  return std::find(instances.begin(), instances.end(), &one) != instances.end();
}
}  // namespace

Error body_buffers_used_up(const Link& link) {
  return Error::gateway("plugin " + link.instance->name +
                        " needs a buffered body, but limits.body_buffer_total is used up")
      .with(ErrorCode::service_unavailable);
}

void BodyPipe::start() {
  Work& w = work();
  w.whole = w.held_end = w.pending_end = false;
}

void BodyPipe::drop() noexcept {
  if (work_ != nullptr) {
    if (work_->hooks > 0) set_work_aside();
    release_buffer();
    hold({});
    work_->may_replace = false;
  }
  suspended_ = false;
  closed_ = true;
}

// A hook on the stack reads bytes that lie in the pipe's work: they stay where they are until it returns.
void BodyPipe::set_work_aside() {
  auto next = std::make_unique<Work>();
  next->detached = work_->detached;
  next->streaming = work_->streaming;
  const auto bytes = static_cast<std::int64_t>(work_->buffer.size()) + work_->held_accounted;
  if (bytes != 0) host_->account(nullptr, -bytes);
  next->aside = std::exchange(work_, nullptr);
  work_ = std::move(next);
}

void BodyPipe::forget_work_aside() noexcept {
  for (auto* place = &work_->aside; *place != nullptr;) {
    if ((*place)->hooks > 0)
      place = &(*place)->aside;
    else
      *place = std::exchange((*place)->aside, nullptr);
  }
}

bool BodyPipe::attached(std::size_t i) { return !has(work_->detached, *links_[i].instance) && host_->asks(links_[i]); }

bool BodyPipe::buffers(std::size_t i) const {
  bool streams = has(work_->streaming, *links_[i].instance);
  return policy_of(links_[i], message_).policy == POSTERN_BODY_BUFFER && !streams;
}

bool BodyPipe::holds_head() {
  for (std::size_t i = 0; i < links_.size(); ++i)
    if (buffers(i) && attached(i)) return true;
  return false;
}

bool BodyPipe::modifies() {
  for (std::size_t i = 0; i < links_.size(); ++i)
    if (policy_of(links_[i], message_).modifies != 0 && attached(i)) return true;
  return false;
}

void BodyPipe::pass_on(std::string_view bytes, bool end) {
  if (suspended_) {
    work_->held.append(bytes);
    account_held();
    work_->pending_end |= end;
    return;
  }
  run(0, bytes, end);
}

BodyPipe::Step BodyPipe::run(std::size_t from, std::string_view bytes, bool end) {
  for (std::size_t i = from; i < links_.size(); ++i)
    if (Step step = pass(i, bytes, end); step != Step::next) return step;
  if (bytes.empty() && !end) return Step::next;
  host_->deliver(bytes, end);
  if (closed_) return Step::over;
  release_buffer();
  return Step::next;
}

BodyPipe::Step BodyPipe::pass(std::size_t i, std::string_view& bytes, bool& end) {
  if (!attached(i)) return skip(i, bytes);
  if (buffers(i)) return collect(i, bytes, end);
  if (bytes.empty() && !end) return Step::next;
  return call(i, bytes, end ? POSTERN_BODY_END : 0, end);
}

// A link that detached while it was gathering lets go of what it had.
BodyPipe::Step BodyPipe::skip(std::size_t i, std::string_view& bytes) {
  bool was_gathering =
      work_->gathering == i && !work_->whole && !work_->buffer.empty() && bytes.data() != work_->buffer.data();
  if (!was_gathering) return Step::next;
  if (!keep(links_[i], bytes)) return Step::over;
  bytes = work_->buffer;
  return Step::next;
}

// The body is buffered once: the first BUFFER link gathers it, later ones are handed the same bytes.
BodyPipe::Step BodyPipe::collect(std::size_t i, std::string_view& bytes, bool end) {
  const auto& policy = policy_of(links_[i], message_);
  bool is_buffer = !bytes.empty() && bytes.data() == work_->buffer.data();
  bool all_here = end && (work_->whole || work_->buffer.empty() || is_buffer);
  std::uint64_t size = bytes.size() + (is_buffer || work_->whole ? 0 : work_->buffer.size());
  if (size > policy.limit) return overflow(i, bytes, end);
  if (!all_here) {
    work_->gathering = i;
    if (!is_buffer && !keep(links_[i], bytes)) return Step::over;
    if (!end) return Step::wait;
    bytes = work_->buffer;
  }
  work_->whole = true;
  return call(i, bytes, POSTERN_BODY_END | POSTERN_BODY_WHOLE, true);
}

BodyPipe::Step BodyPipe::overflow(std::size_t i, std::string_view& bytes, bool end) {
  const Link& link = links_[i];
  const auto& policy = policy_of(link, message_);
  if (policy.on_overflow == POSTERN_OVERFLOW_REJECT) {
    close();
    host_->on_pipe_overflow(link, false);
    return Step::over;
  }
  if (!work_->buffer.empty() && bytes.data() != work_->buffer.data() && !work_->whole) {
    if (!keep(link, bytes)) return Step::over;
    bytes = work_->buffer;
  }
  work_->detached.push_back(link.instance);
  std::string all(bytes);  // the link lets go of what it gathered, and its bytes outlive the buffer
  if (bytes.data() == work_->buffer.data()) release_buffer();
  bool peeks = policy.on_overflow == POSTERN_OVERFLOW_PEEK;
  std::string_view shown = peeks ? std::string_view(all).substr(0, policy.limit) : std::string_view{};
  auto step = call(i, shown, POSTERN_BODY_OVERFLOWED, end);
  if (step == Step::wait) hold(std::move(all));
  if (step != Step::next) return step;
  work_->current = std::move(all);
  bytes = work_->current;
  return step;
}

BodyPipe::Step BodyPipe::call(std::size_t i, std::string_view& bytes, std::uint32_t flags, bool end) {
  const Link& link = links_[i];
  work_->at = i;
  work_->replaced = false;
  work_->may_replace = policy_of(link, message_).modifies != 0 && (flags & POSTERN_BODY_OVERFLOWED) == 0;
  const std::uint32_t body = body_;
  Work& read = *work_;
  ++read.hooks;
  postern_verdict verdict = host_->call_body_hook(link, bytes, flags);
  --read.hooks;
  if (&read != work_.get()) forget_work_aside();
  if (closed_ || body_ != body) return Step::over;
  if (verdict == POSTERN_SUSPEND) {
    hold(work_->replaced ? std::move(work_->replacement) : std::string(bytes));
    work_->held_end = end;
    suspended_ = true;
    if (work_->whole || bytes.data() == work_->buffer.data())
      release_buffer();  // else a later link is still gathering there
    return Step::wait;
  }
  work_->may_replace = false;
  if (verdict != POSTERN_CONTINUE) {
    close();
    host_->on_pipe_verdict(link, verdict);
    return Step::over;
  }
  if (work_->replaced) {
    std::swap(work_->current, work_->replacement);
    bytes = work_->current;
  }
  return Step::next;
}

void BodyPipe::resume(postern_verdict verdict) {
  if (!suspended_ || closed_) return;
  const Link& link = links_[work_->at];
  suspended_ = work_->may_replace = false;
  if (verdict != POSTERN_CONTINUE) {
    close();
    host_->on_pipe_verdict(link, verdict);
    return;
  }
  const std::string held = std::exchange(work_->held, {});
  const std::string_view bytes = std::string_view(held).substr(0, work_->held_size);
  const std::string_view rest = std::string_view(held).substr(work_->held_size);
  bool end = std::exchange(work_->pending_end, false);
  account_held();
  if (run(work_->at + 1, bytes, work_->held_end) == Step::over || (rest.empty() && !end)) return;
  push(rest, end);
}

bool BodyPipe::replace(std::string_view bytes) {
  if (closed_ || work_ == nullptr || !work_->may_replace) return false;
  if (suspended_) {
    work_->held.replace(0, work_->held_size, bytes);
    work_->held_size = bytes.size();
    account_held();
    return true;
  }
  work_->replacement.assign(bytes);
  work_->replaced = true;
  return true;
}

void BodyPipe::detach(const Instance& instance) {
  if (!has(work().detached, instance)) work_->detached.push_back(&instance);
}

void BodyPipe::stream(const Instance& instance) {
  if (!has(work().streaming, instance)) work_->streaming.push_back(&instance);
}

bool BodyPipe::keep(const Link& link, std::string_view bytes) {
  if (!host_->account(&link, static_cast<std::int64_t>(bytes.size()))) {
    close();
    host_->on_pipe_overflow(link, true);
    return false;
  }
  work_->buffer.append(bytes);
  return true;
}

void BodyPipe::hold(std::string bytes) noexcept {
  work_->held = std::move(bytes);
  work_->held_size = work_->held.size();
  account_held();
}

void BodyPipe::account_held() noexcept {
  auto size = static_cast<std::int64_t>(work_->held.size());
  if (size != work_->held_accounted) host_->account(nullptr, size - work_->held_accounted);
  work_->held_accounted = size;
}

void BodyPipe::release_buffer() noexcept {
  if (work_->buffer.empty()) return;
  host_->account(nullptr, -static_cast<std::int64_t>(work_->buffer.size()));
  work_->buffer.clear();
  if (work_->buffer.capacity() > 64 * 1024) std::string().swap(work_->buffer);
}

}  // namespace postern::proxy
