#!/bin/sh
# Runs Bun in the project's folder, also where bun is not on the PATH. Installs the version that the project needs, and the
# packages of the lock file, if they are missing.
#
# Usage: sh scripts/run.sh ARGUMENTS OF BUN ...
#   sh scripts/run.sh run check                     a script of package.json
#   sh scripts/run.sh src/main.ts --print-config    the program from its sources, with the settings of .env
#
# Exit codes: that of what was run; 1 if Bun or the packages could not be installed, 2 without arguments.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/lib.sh"

case ${1:-} in
  -h | --help) show_help && exit 0 ;;
  '') wrong_usage 'What to run is missing.' ;;
esac
ensure_bun >&2
cd "$ROOT"
[ -d node_modules ] || ensure_packages >&2
exec bun "$@"
