#include "cli/cli.h"

int main(int argc, char** argv) { return postern::cli::main(argc, argv); }
