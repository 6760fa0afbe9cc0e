// The command line: `postern run | check | explain | version`.
#pragma once

namespace postern::cli {

// The exit code: 0 good, 1 the configuration or the request is wrong, 2 usage.
int main(int argc, char** argv);

}  // namespace postern::cli
