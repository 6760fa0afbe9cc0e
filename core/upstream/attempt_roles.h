// An attempt as the two bodies of an exchange see it: one takes the request's, the other is the source of the response's.
#pragma once

#include <string_view>

#include "http/headers.h"

namespace postern::proxy {

// Where the body of a request goes.
class RequestBodySink {
 public:
  virtual void send_body(std::string_view bytes) = 0;
  virtual void send_end(const http::HeaderList* trailers) = 0;  // null: none
  virtual bool congested() const noexcept = 0;  // the upstream does not read: stop reading from the client

 protected:
  ~RequestBodySink() = default;
};

// Where the body of a response comes from.
class ResponseBodySource {
 public:
  virtual void pause_response() = 0;  // the client does not read
  virtual void resume_response() = 0;

 protected:
  ~ResponseBodySource() = default;
};

}  // namespace postern::proxy
