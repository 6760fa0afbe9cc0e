#include <doctest/doctest.h>
#include <postern/grpc.h>

#include <utility>

namespace grpc = postern::grpc;

TEST_CASE("statuses of HTTP as codes, and codes as statuses of HTTP") {
  for (auto [status, code] : {std::pair{400u, grpc::internal},
                              {401u, grpc::unauthenticated},
                              {403u, grpc::permission_denied},
                              {404u, grpc::unimplemented},
                              {405u, grpc::unknown},
                              {413u, grpc::unknown},
                              {429u, grpc::unavailable},
                              {500u, grpc::unknown},
                              {502u, grpc::unavailable},
                              {503u, grpc::unavailable},
                              {504u, grpc::unavailable}})
    CHECK(grpc::code_of_http(status) == code);
  const std::uint32_t statuses[] = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                                    400, 409, 400, 501, 500, 503, 500, 401};
  for (std::uint32_t code = 0; code <= 16; ++code) CHECK(grpc::http_of_code(code) == statuses[code]);
  CHECK(grpc::http_of_code(17) == 500);
}
