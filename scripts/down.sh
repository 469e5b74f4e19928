#!/bin/sh
# Stops the orchestrator that up.sh started. Its engines keep running, with their streams, and the next start finds them
# again. A Docker Engine that up.sh started is stopped as soon as it has no engine left.
#
# Usage: sh scripts/down.sh [--keep-engines | --remove-engines] [--purge]
#   --keep-engines      leave the engines running, which is the default
#   --remove-engines    remove the engines too, which ends their streams
#   --purge             remove the engines and the state: the database, .run (with the log and Bun), and the data of a Docker
#                       Engine that up.sh started
#
# Exit codes: 0 done (also if nothing ran), 1 something failed, 2 a wrong argument.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/lib.sh"
. "$ROOT/scripts/lib-dockerd.sh"

KEEP_ENGINES=false
REMOVE_ENGINES=false
PURGE=false
for option in "$@"; do
  case $option in
    -h | --help) show_help && exit 0 ;;
    --keep-engines) KEEP_ENGINES=true ;;
    --remove-engines) REMOVE_ENGINES=true ;;
    --purge) REMOVE_ENGINES=true PURGE=true ;;
    *) wrong_usage "Unknown option $option." ;;
  esac
done
if $KEEP_ENGINES && $REMOVE_ENGINES; then
  wrong_usage '--keep-engines contradicts the other options: without the state nobody would know the engines.'
fi

main() {
  if [ ! -d "$RUN_DIR" ]; then
    say 'Nothing here was started by up.sh.'
    return
  fi
  if stop_orchestrator; then say 'The orchestrator has ended.'; else say 'The orchestrator does not run.'; fi
  if settle_engines; then stop_dockerd; fi
  if $PURGE; then purge; fi
}

# Returns 1 if engines keep running.
settle_engines() {
  label=$(setting CONTAINER_LABEL)
  host=$(cat "$RUN_DIR/docker-host" 2>/dev/null || true)
  if [ -z "$label" ] || [ -z "$host" ]; then return 0; fi
  ensure_bun
  if ! docker_answers "$host"; then
    say "No Docker Engine answers at $host any more: containers with the label $label may remain."
    return 0
  fi
  count=$(bun "$ROOT/scripts/ask.ts" count "$host" "$label") || fail "Docker did not say which containers there are."
  if [ "$count" -eq 0 ]; then
    say 'It has no engines.'
  elif $REMOVE_ENGINES; then
    remove_engines
  else
    say "$count engine(s) keep running (label $label), and the next start finds them."
    say "To remove them: sh '$ROOT/scripts/down.sh' --remove-engines"
    return 1
  fi
}

# Removes the engines after the orchestrator has ended: a running orchestrator would replace them, up to MIN_REPLICAS. At its
# next start the orchestrator finds its containers gone and records that. The program gets the settings with which it was
# started, because they may have been given to up.sh alone.
remove_engines() {
  (
    cd "$ROOT"
    DOCKER_HOST=$host CONTAINER_LABEL=$label DB_URL=$(setting DB_URL) bun src/main.ts remove-engines --yes
  ) || fail "Engines with the label $label may remain: see above."
}

stop_dockerd() {
  [ -e "$RUN_DIR/dockerd" ] || return 0
  { read -r DOCKERD_DATA && read -r DOCKERD_RUN && read -r DOCKERD_BRIDGE; } <"$RUN_DIR/dockerd"
  dockerd_stop
  say 'The Docker Engine that up.sh started does not run any more.'
  $PURGE || say "Images and data remain in $DOCKERD_DATA (removed by --purge)."
}

purge() {
  if [ -e "$RUN_DIR/dockerd" ]; then dockerd_purge; fi
  database=$(setting DB_URL)
  database=${database#sqlite:///}
  if [ -n "$database" ]; then
    (cd "$ROOT" && rm -f -- "$database" "$database-wal" "$database-shm" "$database.lock" "$database".schema-*)
  fi
  rm -rf "$RUN_DIR"
  say 'Removed the database, .run and what a Docker Engine of up.sh had stored.'
}

main
