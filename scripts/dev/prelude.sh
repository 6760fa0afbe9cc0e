# What every command in this folder begins with: strict mode, the root of the tree, plain words about what happens.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
command_name=$(basename "$0")

say() { printf '%s: %s\n' "$command_name" "$*"; }
die() { printf '%s: %s\n' "$command_name" "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo > /dev/null; then sudo "$@"
  else die "root is needed to run '$1', and there is no sudo: run this as root"
  fi
}
