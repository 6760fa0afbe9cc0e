#include "server/body_pipe.h"

#include <algorithm>
#include <utility>

namespace postern::server {

namespace {
const postern_body_policy& policy_of(const Link& link, std::uint32_t message) {
  return message == POSTERN_REQUEST ? link.instance->request_body : link.instance->response_body;
}

bool has(const std::vector<const Instance*>& instances, const Instance& one) {
  return std::find(instances.begin(), instances.end(), &one) != instances.end();
}
}  // namespace

void BodyPipe::open(std::span<const Link> links) {
  close();
  links_ = links;
  closed_ = false;
  whole_ = held_end_ = pending_end_ = false;
}

void BodyPipe::close() noexcept {
  release_buffer();
  hold({});
  suspended_ = may_replace_ = false;
  closed_ = true;
}

bool BodyPipe::attached(std::size_t i) {
  bool detached = rare_ != nullptr && has(rare_->detached, *links_[i].instance);
  return !detached && host_->applies(links_[i]);
}

bool BodyPipe::buffers(std::size_t i) const {
  bool streams = rare_ != nullptr && has(rare_->streaming, *links_[i].instance);
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

void BodyPipe::push(std::string_view bytes, bool end) {
  if (closed_) return;
  if (suspended_) {
    held_.append(bytes);
    account_held();
    pending_end_ |= end;
    return;
  }
  run(0, bytes, end);
}

void BodyPipe::run(std::size_t from, std::string_view bytes, bool end) {
  for (std::size_t i = from; i < links_.size(); ++i)
    if (pass(i, bytes, end) == Step::stop) return;
  if (bytes.empty() && !end) return;
  host_->deliver(*this, bytes, end);
  if (!closed_) release_buffer();
}

BodyPipe::Step BodyPipe::pass(std::size_t i, std::string_view& bytes, bool& end) {
  if (!attached(i)) return skip(i, bytes);
  if (buffers(i)) return collect(i, bytes, end);
  if (bytes.empty() && !end) return Step::next;
  return call(i, bytes, end ? POSTERN_BODY_END : 0, end);
}

// A link that detached while it was gathering lets go of what it had.
BodyPipe::Step BodyPipe::skip(std::size_t i, std::string_view& bytes) {
  bool was_gathering = gathering_ == i && !whole_ && !buffer_.empty() && bytes.data() != buffer_.data();
  if (!was_gathering) return Step::next;
  if (!keep(links_[i], bytes)) return Step::stop;
  bytes = buffer_;
  return Step::next;
}

// The body is buffered once: the first BUFFER link gathers it, later ones are handed the same bytes.
BodyPipe::Step BodyPipe::collect(std::size_t i, std::string_view& bytes, bool end) {
  const auto& policy = policy_of(links_[i], message_);
  bool is_buffer = !bytes.empty() && bytes.data() == buffer_.data();
  bool all_here = end && (whole_ || buffer_.empty() || is_buffer);
  std::uint64_t size = bytes.size() + (is_buffer || whole_ ? 0 : buffer_.size());
  if (size > policy.limit) return overflow(i, bytes, end);
  if (!all_here) {
    gathering_ = i;
    if (!is_buffer && !keep(links_[i], bytes)) return Step::stop;
    if (!end) return Step::stop;
    bytes = buffer_;
  }
  whole_ = true;
  return call(i, bytes, POSTERN_BODY_END | POSTERN_BODY_WHOLE, true);
}

BodyPipe::Step BodyPipe::overflow(std::size_t i, std::string_view& bytes, bool end) {
  const Link& link = links_[i];
  const auto& policy = policy_of(link, message_);
  if (policy.on_overflow == POSTERN_OVERFLOW_REJECT) {
    close();
    host_->on_pipe_overflow(*this, link, false);
    return Step::stop;
  }
  if (!buffer_.empty() && bytes.data() != buffer_.data() && !whole_) {
    if (!keep(link, bytes)) return Step::stop;
    bytes = buffer_;
  }
  rare().detached.push_back(link.instance);
  std::string all(bytes);  // the link lets go of what it gathered, and its bytes outlive the buffer
  if (bytes.data() == buffer_.data()) release_buffer();
  bool peeks = policy.on_overflow == POSTERN_OVERFLOW_PEEK;
  std::string_view shown = peeks ? std::string_view(all).substr(0, policy.limit) : std::string_view{};
  auto step = call(i, shown, POSTERN_BODY_OVERFLOWED, end);
  if (step == Step::stop) {
    if (suspended_) hold(std::move(all));
    return step;
  }
  rare().current = std::move(all);
  bytes = rare().current;
  return step;
}

BodyPipe::Step BodyPipe::call(std::size_t i, std::string_view& bytes, std::uint32_t flags, bool end) {
  const Link& link = links_[i];
  at_ = i;
  replaced_ = false;
  may_replace_ = policy_of(link, message_).modifies != 0 && (flags & POSTERN_BODY_OVERFLOWED) == 0;
  postern_verdict verdict = host_->call_body_hook(*this, link, bytes, flags);
  if (closed_) return Step::stop;
  if (verdict == POSTERN_SUSPEND) {
    hold(replaced_ ? std::move(rare().replacement) : std::string(bytes));
    held_end_ = end;
    suspended_ = true;
    if (whole_ || bytes.data() == buffer_.data()) release_buffer();  // else a later link is still gathering there
    return Step::stop;
  }
  may_replace_ = false;
  if (verdict != POSTERN_CONTINUE) {
    close();
    host_->on_pipe_verdict(*this, link, verdict);
    return Step::stop;
  }
  if (replaced_) {
    std::swap(rare().current, rare().replacement);
    bytes = rare().current;
  }
  return Step::next;
}

void BodyPipe::resume(postern_verdict verdict) {
  if (!suspended_ || closed_) return;
  const Link& link = links_[at_];
  suspended_ = may_replace_ = false;
  if (verdict != POSTERN_CONTINUE) {
    close();
    host_->on_pipe_verdict(*this, link, verdict);
    return;
  }
  const std::string held = std::exchange(held_, {});
  const std::string_view bytes = std::string_view(held).substr(0, held_size_);
  const std::string_view rest = std::string_view(held).substr(held_size_);
  bool end = std::exchange(pending_end_, false);
  account_held();
  run(at_ + 1, bytes, held_end_);
  if (closed_ || (rest.empty() && !end)) return;
  push(rest, end);
}

bool BodyPipe::replace(std::string_view bytes) {
  if (closed_ || !may_replace_) return false;
  if (suspended_) {
    held_.replace(0, held_size_, bytes);
    held_size_ = bytes.size();
    account_held();
    return true;
  }
  rare().replacement.assign(bytes);
  replaced_ = true;
  return true;
}

void BodyPipe::detach(const Instance& instance) {
  if (!has(rare().detached, instance)) rare().detached.push_back(&instance);
}

void BodyPipe::stream(const Instance& instance) {
  if (!has(rare().streaming, instance)) rare().streaming.push_back(&instance);
}

bool BodyPipe::keep(const Link& link, std::string_view bytes) {
  if (!host_->account(&link, static_cast<std::int64_t>(bytes.size()))) {
    close();
    host_->on_pipe_overflow(*this, link, true);
    return false;
  }
  buffer_.append(bytes);
  return true;
}

void BodyPipe::hold(std::string bytes) noexcept {
  held_ = std::move(bytes);
  held_size_ = held_.size();
  account_held();
}

void BodyPipe::account_held() noexcept {
  auto size = static_cast<std::int64_t>(held_.size());
  if (size != held_accounted_) host_->account(nullptr, size - held_accounted_);
  held_accounted_ = size;
}

void BodyPipe::release_buffer() noexcept {
  if (buffer_.empty()) return;
  host_->account(nullptr, -static_cast<std::int64_t>(buffer_.size()));
  buffer_.clear();
  if (buffer_.capacity() > 64 * 1024) std::string().swap(buffer_);
}

}  // namespace postern::server
