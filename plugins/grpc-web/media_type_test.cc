#include "media_type.h"

#include <doctest/doctest.h>

using Kind = MediaType::Kind;

TEST_CASE("the types of gRPC and gRPC-Web are told apart") {
  struct Case {
    std::string_view text;
    Kind kind;
    std::string_view suffix;
  };
  for (const auto& c :
       {Case{"application/grpc", Kind::grpc, ""}, Case{"application/grpc+proto", Kind::grpc, "+proto"},
        Case{"application/grpc-web", Kind::web, ""}, Case{"Application/GRPC-Web+Proto", Kind::web, "+Proto"},
        Case{"application/grpc-web-text", Kind::web_text, ""},
        Case{" application/grpc-web-text+proto; charset=utf-8", Kind::web_text, "+proto"},
        Case{"application/grpc-websocket", Kind::other, ""}, Case{"application/grpc-web-textual", Kind::other, ""},
        Case{"application/json", Kind::other, ""}, Case{"", Kind::other, ""},
        Case{"application/grp", Kind::other, ""}}) {
    CAPTURE(c.text);
    CHECK(read_media_type(c.text).kind == c.kind);
    CHECK(read_media_type(c.text).suffix == c.suffix);
  }
}

TEST_CASE("what a client accepts decides over what it sends") {
  auto binary = read_media_type("application/grpc-web+proto");
  auto text = read_media_type("application/grpc-web-text");
  CHECK_FALSE(wants_text(binary, ""));
  CHECK(wants_text(text, ""));
  CHECK(wants_text(text, "*/*"));
  CHECK(wants_text(binary, "application/grpc-web-text"));
  CHECK(wants_text(binary, "text/plain,, application/grpc-web-text+proto;q=1, application/grpc-web"));
  CHECK_FALSE(wants_text(text, "application/grpc-web"));
}

TEST_CASE("a type is put together again") {
  CHECK(web_type(false, "") == "application/grpc-web");
  CHECK(web_type(true, "+proto") == "application/grpc-web-text+proto");
}
