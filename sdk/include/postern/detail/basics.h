// The small words of the SDK: Verdict, Status, Error, Result and strings that cross the border.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "postern/abi.h"

namespace postern {

// What a hook answers; the same in every hook (abi.h, POSTERN_CONTINUE and following). One that is not returned is a mistake.
enum class [[nodiscard]] Verdict : std::int32_t{
    CONTINUE = POSTERN_CONTINUE, SUSPEND = POSTERN_SUSPEND, RESPOND = POSTERN_RESPOND,
    ABORT = POSTERN_ABORT,       ERROR = POSTERN_ERROR,
};

// What a hook throws when it cannot do what it must: it answers ERROR then, and the log has the text.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What a function of the gateway returned: POSTERN_OK or one of the POSTERN_E_* codes. True when it succeeded.
class Status {
 public:
  constexpr Status(postern_status code = POSTERN_OK) : code_(code) {}
  constexpr postern_status code() const { return code_; }
  constexpr bool ok() const { return code_ >= 0; }
  constexpr explicit operator bool() const { return ok(); }
  friend constexpr bool operator==(Status, Status) = default;
  // For what must succeed: `x.request().headers().set("x-user", user).or_fail();` throws Failure otherwise.
  void or_fail() const {
    if (!ok()) throw Failure(std::string(text()));
  }
  void ignore() const {}  // for niceties, on which nothing depends

  constexpr std::string_view text() const {
    switch (code_) {
      case POSTERN_OK:
        return "ok";
      case POSTERN_PENDING:
        return "pending";
      case POSTERN_E_GONE:
        return "it has already ended";
      case POSTERN_E_INVALID:
        return "an argument is malformed or out of its bounds";
      case POSTERN_E_STATE:
        return "not allowed here, or this gateway does not offer it";
      case POSTERN_E_NOT_FOUND:
        return "not found";
      case POSTERN_E_LIMIT:
        return "a limit was reached";
      case POSTERN_E_EXISTS:
        return "it exists already";
      case POSTERN_E_CONFLICT:
        return "the value was another";
      case POSTERN_E_TYPE:
        return "the value has another type";
      case POSTERN_E_CONNECT:
        return "no connection to the upstream could be made";
      case POSTERN_E_TIMEOUT:
        return "no full answer in time";
      case POSTERN_E_PROTOCOL:
        return "the upstream's answer was not valid HTTP";
      default:
        return "failed";
    }
  }

 private:
  postern_status code_;
};

// Why something could not be done: one sentence for the operator.
struct Error {
  std::string text;
  Status status = POSTERN_E_FAILED;
};

// A value or an Error.
template <class T>
class [[nodiscard]] Result {
 public:
  template <class U = T>
  requires(std::is_constructible_v<T, U&&> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error>) Result(U&& value)
      : held_(std::in_place_index<0>, std::forward<U>(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& operator*() { return *std::get_if<0>(&held_); }
  const T& operator*() const { return *std::get_if<0>(&held_); }
  T* operator->() { return std::get_if<0>(&held_); }
  const T* operator->() const { return std::get_if<0>(&held_); }
  const Error& error() const { return *std::get_if<1>(&held_); }

 private:
  std::variant<T, Error> held_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}
  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

inline Error fail(std::string text) { return Error{std::move(text), POSTERN_E_FAILED}; }

namespace detail {

inline std::string_view to_view(postern_str s) {
  return s.len == 0 ? std::string_view() : std::string_view(s.ptr, s.len);
}
inline postern_str to_str(std::string_view v) { return {v.data(), v.size()}; }

}  // namespace detail
}  // namespace postern
