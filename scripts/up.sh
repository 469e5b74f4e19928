#!/bin/sh
# Starts the orchestrator in the background. Installs what this machine lacks for that. Usage: sh scripts/up.sh
# Settings come from the environment (APP_PORT=9000 API_KEY=... sh scripts/up.sh) or from .env in the project's folder.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/lib.sh"
. "$ROOT/scripts/lib-dockerd.sh"

READY_SECONDS=60
PID_FILE="$RUN_DIR/orchestrator.pid"
LOG_FILE="$RUN_DIR/orchestrator.log"

main() {
  mkdir -p "$RUN_DIR"
  ensure_bun
  ensure_packages
  cd "$ROOT"
  if is_process "$(cat "$PID_FILE" 2>/dev/null || true)" src/main.ts; then
    say "The orchestrator runs already (process $(cat "$PID_FILE")). To stop it: sh '$ROOT/scripts/down.sh'"
    tell_addresses "$(cat "$RUN_DIR/orchestrator.url")"
    return
  fi
  ensure_docker
  choose_image
  start_orchestrator
}

# Asks the program which settings are in force, because they may come from .env. Invalid settings end the script here.
read_settings() {
  bun src/main.ts --print-config >"$RUN_DIR/settings.new" || exit $?
  mv "$RUN_DIR/settings.new" "$SETTINGS_FILE"
}

ensure_docker() {
  read_settings
  if ! find_docker "$(setting DOCKER_HOST)"; then
    require_installing_rights
    DOCKERD_DATA=$UP_DOCKERD_DATA DOCKERD_RUN=$UP_DOCKERD_RUN DOCKERD_BRIDGE=roundhouse0
    say 'No Docker Engine answers on this machine.'
    dockerd_install
    # down.sh stops and purges only the daemon that this file names.
    printf '%s\n%s\n%s\n' "$DOCKERD_DATA" "$DOCKERD_RUN" "$DOCKERD_BRIDGE" >"$RUN_DIR/dockerd"
    dockerd_start
  fi
  say "Docker Engine: $DOCKER_HOST"
  printf '%s\n' "$DOCKER_HOST" >"$RUN_DIR/docker-host"
}

# If TARGET_IMAGE is not set, builds the engine emulator as a stand-in, so that a first try needs no registry.
choose_image() {
  grep -q '^default *TARGET_IMAGE=' "$SETTINGS_FILE" || return 0
  say 'TARGET_IMAGE is not set: building the engine emulator as a stand-in. It speaks like an AceStream engine and'
  say 'plays a test pattern. For real streams: TARGET_IMAGE=ghcr.io/krinkuto11/acestream-http-proxy:latest'
  TARGET_IMAGE=$(bun tests/support/engine-image.ts | tail -n 1)
  [ -n "$TARGET_IMAGE" ] || fail "The engine emulator's image could not be built; the message is above."
  # The stand-in reads these variables, and its name is in no recipe.
  export TARGET_IMAGE ENGINE_RECIPE="${ENGINE_RECIPE:-variables}"
}

start_orchestrator() {
  read_settings
  url=$(address)
  printf '%s\n' "$url" >"$RUN_DIR/orchestrator.url"
  # Started without `bun run start`, because down.sh needs the process id of the server itself.
  setsid bun src/main.ts </dev/null >>"$LOG_FILE" 2>&1 &
  pid=$!
  printf '%s\n' "$pid" >"$PID_FILE"
  if bun scripts/ask.ts http "$url/readyz" "$READY_SECONDS" "$pid" && kill -0 "$pid" 2>/dev/null; then
    say "The orchestrator runs (process $pid, log $LOG_FILE)."
    tell_addresses "$url"
    return
  fi
  tail -n 20 "$LOG_FILE" >&2
  kill "$pid" 2>/dev/null || true
  rm -f "$PID_FILE"
  fail "The orchestrator was not ready within $READY_SECONDS seconds: its last lines are above, the log is $LOG_FILE."
}

address() {
  host=$(setting BIND)
  case $host in
    0.0.0.0 | :: | 127.0.0.1) host=localhost ;;
    *:*) host="[$host]" ;;
  esac
  say "http://$host:$(setting APP_PORT)"
}

tell_addresses() {
  key=''
  # The command reads the key by itself, because a key must not be shown. If there are several keys, any of them works.
  if grep -q '^file *API_KEY=.' "$SETTINGS_FILE"; then
    key=" -H \"Authorization: Bearer \$(head -n 1 '$(setting API_KEY_FILE)' | cut -d , -f 1)\""
  elif grep -q ' API_KEY=.' "$SETTINGS_FILE"; then
    key=' -H "Authorization: Bearer ${API_KEY%%,*}"'
  fi
  cat <<END

  API         $1/engines
  Swagger UI  $1/swagger
  Status      $1/orchestrator/status

A first engine:

  curl -X POST$key -H 'Content-Type: application/json' -d '{}' $1/provision/acestream

END
  if [ -e "$RUN_DIR/dockerd" ]; then
    say "To see its container with docker ps: export DOCKER_HOST=$(cat "$RUN_DIR/docker-host")"
  fi
}

main
