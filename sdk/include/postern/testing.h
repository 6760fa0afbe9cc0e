// The test kit for plugins: the gateway's function tables on a fake core. No sockets, a clock that only the test moves.
//
//   postern::testing::FakeGateway gateway;
//   gateway.configure({{"limit", 5}});                       // the plugin that is linked into the test
//   auto& x = gateway.request("GET", "/orders?id=1", {{"x-request-id", "abc"}});
//   x.send();                                                // request hooks
//   CHECK(x.upstream_headers().get("x-request-id") == "abc");
//   x.reply(200, {{"content-type", "text/plain"}}, {"hi"});  // the upstream answers: response hooks
//   x.finish();                                              // on_complete
//
// Configurations are completed with the defaults of the plugin's schema, but not checked against it. All instances that
// were configured form one chain in that order. The gateway aborts the test when timers, calls, jobs or suspended
// exchanges are left at its end. One FakeGateway at a time. sdk/README.md has a longer story.
#pragma once

#include "postern/testing/config.h"
#include "postern/testing/course.h"
#include "postern/testing/exchange.h"
#include "postern/testing/gateway.h"
#include "postern/testing/headers.h"
#include "postern/testing/instance.h"
#include "postern/testing/services.h"
#include "postern/testing/tables.h"
#include "postern/testing/torture.h"
