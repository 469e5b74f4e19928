#!/bin/sh
# Keeps the log of the orchestrator small for as long as its process runs. up.sh starts this beside it.
#
# Usage: sh scripts/keep-log.sh LOG PID
#   When LOG is larger than ROUNDHOUSE_LOG_BYTES (10000000), it becomes LOG.1, whose former content is lost, and goes on empty.
#   So both together have about twice that size.
#
# Exit codes: 0 when the process has ended, 2 for wrong arguments.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/lib.sh"

LOG_BYTES=${ROUNDHOUSE_LOG_BYTES:-10000000}
SECONDS_BETWEEN=2

# Copies and empties the file instead of renaming it, because the process has it open. It appends, so it goes on at the new end.
# If there is no room for a copy, the lines are given up: a full disk would stop more than the log.
rotate() {
  cp "$1" "$1.1" 2>/dev/null || rm -f "$1.1"
  : >"$1"
}

case ${1:-} in -h | --help) show_help && exit 0 ;; esac
[ $# -eq 2 ] || wrong_usage 'The log and the process are missing.'
while is_process "$2" src/main.ts; do
  size=$(wc -c <"$1" 2>/dev/null || echo 0)
  if [ "$size" -gt "$LOG_BYTES" ]; then rotate "$1"; fi
  sleep "$SECONDS_BETWEEN"
done
