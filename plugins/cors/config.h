// The configuration, made ready to be sent.
#pragma once

#include <postern/plugin.h>

#include <string>

#include "origins.h"

struct CorsConfig {
  Origins origins;
  bool credentials = false;
  std::string max_age;  // seconds

  // Values of headers. What a preflight asks for is given back instead when `..._as_asked`.
  std::string methods;
  std::string headers;
  std::string exposed;
  bool methods_as_asked = false;
  bool headers_as_asked = false;
};

// Reports every problem to `setup`, with its place.
CorsConfig read_config(postern::Setup& setup, postern::Node node);
