// The command line: which command, which options. Exit codes: 0 good, 1 the configuration or the request is wrong, 2 usage.
#pragma once

namespace postern::cli {

int main(int argc, char** argv);

}  // namespace postern::cli
