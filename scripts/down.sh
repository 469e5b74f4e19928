#!/bin/sh
# Stops everything that up.sh started: the orchestrator, its engines, and the Docker Engine if up.sh started one.
# Usage: sh scripts/down.sh [--keep-engines] [--purge]
#   --keep-engines  leave the engines running (and with them a Docker Engine that up.sh started)
#   --purge         remove the state too: the database, .run, and the data of a Docker Engine that up.sh started
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/lib.sh"
. "$ROOT/scripts/lib-dockerd.sh"

KEEP_ENGINES=false
PURGE=false
for option in "$@"; do
  case $option in
    --keep-engines) KEEP_ENGINES=true ;;
    --purge) PURGE=true ;;
    *) fail "Unknown option $option. Usage: sh scripts/down.sh [--keep-engines] [--purge]" ;;
  esac
done
if $KEEP_ENGINES && $PURGE; then
  fail '--keep-engines and --purge contradict each other: without the state nobody would know the engines.'
fi

main() {
  if [ ! -d "$RUN_DIR" ]; then
    say 'Nothing here was started by up.sh.'
    return
  fi
  stop_orchestrator
  if $KEEP_ENGINES; then
    say 'The engines keep running; the next start takes them over.'
    return
  fi
  remove_engines
  stop_dockerd
  if $PURGE; then purge; fi
}

stop_orchestrator() {
  pid=$(cat "$RUN_DIR/orchestrator.pid" 2>/dev/null || true)
  if is_process "$pid" src/main.ts; then
    kill "$pid"
    wait_gone "$pid" 20 || fail "The orchestrator (process $pid) has not ended after 20 seconds; nothing else was done."
    say 'The orchestrator has ended.'
  else
    say 'The orchestrator does not run.'
  fi
  rm -f "$RUN_DIR/orchestrator.pid"
}

# Removes the containers by their label, after the orchestrator has ended: a running orchestrator would replace them, up to
# MIN_REPLICAS. At its next start the orchestrator finds its containers gone and records that.
remove_engines() {
  label=$(setting CONTAINER_LABEL)
  host=$(cat "$RUN_DIR/docker-host" 2>/dev/null || true)
  if [ -z "$label" ] || [ -z "$host" ]; then return; fi
  ensure_bun
  if ! docker_answers "$host"; then
    say "No Docker Engine answers at $host any more: containers with the label $label may remain."
    return
  fi
  count=$(bun "$ROOT/scripts/ask.ts" sweep "$host" "$label") || fail "Containers with the label $label remain."
  rm -f "$RUN_DIR/docker-host"
  say "Removed $count container(s) with the label $label."
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
    (cd "$ROOT" && rm -f -- "$database" "$database-wal" "$database-shm" "$database.lock")
  fi
  rm -rf "$RUN_DIR"
  say 'Removed the database, .run and what a Docker Engine of up.sh had stored.'
}

main
