#!/bin/sh
# Starts the orchestrator in the background. Installs what this machine lacks for that. If it runs already, says which settings
# or which code have changed since it was started.
#
# Usage: sh scripts/up.sh [--restart]
#   --restart    if it runs already, end it and start it again with what is set now; engines and their streams go on
#
# Settings come from the environment (APP_PORT=9000 API_KEY=... sh scripts/up.sh) or from .env in the project's folder.
# Everything that this script makes is in .run: the log (two files of 10 MB at most), Bun, and notes for down.sh.
#
# Exit codes: 0 it runs with what is set now, 1 something failed, 2 a setting or an argument is wrong, 3 it runs with other
# settings or other code than there are now.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/lib.sh"
. "$ROOT/scripts/lib-dockerd.sh"

READY_SECONDS=60
# The port may still belong to a process that is about to end; the program waits as long.
PORT_SECONDS=3
LOG_FILE="$RUN_DIR/orchestrator.log"
# With what the orchestrator was started, for a comparison.
STARTED_FILE="$RUN_DIR/started.json"
# What this script chose because no setting did: a line NAME=value for each.
CHOICES_FILE="$RUN_DIR/choices"
# The settings that are in force for the next start, as --print-config shows them.
NEXT_SETTINGS="$RUN_DIR/settings.next"

RESTART=false
for option in "$@"; do
  case $option in
    -h | --help) show_help && exit 0 ;;
    --restart) RESTART=true ;;
    *) wrong_usage "Unknown option $option." ;;
  esac
done

main() {
  command -v setsid >/dev/null 2>&1 || fail 'setsid is missing: install util-linux.'
  mkdir -p "$RUN_DIR"
  ensure_bun
  ensure_packages
  cd "$ROOT"
  read_settings
  running=$(running_pid)
  if [ -n "$running" ] && ! $RESTART; then
    tell_running
    return
  fi
  # The same Docker Engine as before, also if another one answers by now.
  if [ -n "$running" ]; then recall DOCKER_HOST; fi
  require_port
  ensure_docker
  choose_image
  read_settings
  if stop_orchestrator; then say "The orchestrator (process $running) has ended; its engines keep running."; fi
  start_orchestrator
}

# Asks the program which settings are in force, because they may come from .env. Invalid settings end the script here.
read_settings() {
  bun src/main.ts --print-config >"$NEXT_SETTINGS" || {
    code=$?
    if [ -n "$(running_pid)" ]; then say 'The orchestrator that runs is as it was.' >&2; fi
    exit "$code"
  }
}

next_setting() { sed -n "s/^[a-z]* *$1=//p" "$NEXT_SETTINGS"; }
is_default() { grep -q "^default *$1=" "$NEXT_SETTINGS"; }

# Exports what this script chose for the running orchestrator, unless a setting says otherwise by now.
recall() {
  for name in "$@"; do
    value=$(sed -n "s/^$name=//p" "$CHOICES_FILE" 2>/dev/null || true)
    if [ -n "$value" ] && is_default "$name"; then export "$name=$value"; fi
  done
}

# Notes a choice for `recall`.
chosen() { printf '%s=%s\n' "$1" "$2" >>"$CHOICES_FILE.next"; }

tell_running() {
  say "The orchestrator runs already (process $running, log $LOG_FILE)."
  recall DOCKER_HOST TARGET_IMAGE ENGINE_RECIPE
  if [ -r "$STARTED_FILE" ]; then
    differences=$(bun scripts/running.ts differences "$STARTED_FILE") || exit $?
  else
    differences='with what it was started is not known'
  fi
  tell_addresses "$(cat "$RUN_DIR/orchestrator.url")"
  if [ -z "$differences" ]; then return; fi
  say 'It runs with something else than there is now:'
  say "$differences" | sed 's/^/  /'
  say "To start it anew with what is set now (no stream is cut): sh '$ROOT/scripts/up.sh' --restart"
  exit 3
}

# Ends the script if nobody could listen on the port, before anything is installed, built or stopped.
require_port() {
  host=$(next_setting BIND) port=$(next_setting APP_PORT)
  if [ -n "$running" ] && [ "$port" = "$(setting APP_PORT)" ]; then return; fi
  why=$(bun scripts/ask.ts port "$host" "$port" "$PORT_SECONDS") ||
    fail "The orchestrator cannot listen on port $port of $host: $why. Choose another one with APP_PORT or BIND," \
      "for example: APP_PORT=$((port + 1000)) sh '$ROOT/scripts/up.sh'"
}

ensure_docker() {
  rm -f "$CHOICES_FILE.next"
  if is_default DOCKER_HOST; then isDockerChosen=true; else isDockerChosen=false; fi
  wanted=$(next_setting DOCKER_HOST)
  if ! find_docker "${wanted:-${DOCKER_HOST:-}}"; then
    require_installing_rights
    DOCKERD_DATA=$UP_DOCKERD_DATA DOCKERD_RUN=$UP_DOCKERD_RUN DOCKERD_BRIDGE=roundhouse0
    say 'No Docker Engine answers on this machine.'
    dockerd_install
    # down.sh stops and purges only the daemon that this file names.
    printf '%s\n%s\n%s\n' "$DOCKERD_DATA" "$DOCKERD_RUN" "$DOCKERD_BRIDGE" >"$RUN_DIR/dockerd"
    dockerd_start
  elif [ -e "$RUN_DIR/dockerd" ] && [ "$(id -u)" -eq 0 ]; then
    # An earlier version may have made its bridge.
    DOCKERD_BRIDGE=$(sed -n 3p "$RUN_DIR/dockerd")
    if bridge_exists; then keep_bridge_address; fi
  fi
  say "Docker Engine: $DOCKER_HOST"
  printf '%s\n' "$DOCKER_HOST" >"$RUN_DIR/docker-host"
  if $isDockerChosen; then chosen DOCKER_HOST "$DOCKER_HOST"; fi
}

# If TARGET_IMAGE is not set, builds the engine emulator as a stand-in, so that a first try needs no registry.
choose_image() {
  is_default TARGET_IMAGE || return 0
  say 'TARGET_IMAGE is not set: building the engine emulator as a stand-in. It speaks like an AceStream engine and'
  say 'plays a test pattern. For real streams: TARGET_IMAGE=ghcr.io/krinkuto11/acestream-http-proxy:latest'
  TARGET_IMAGE=$(bun tests/support/engine-image.ts | tail -n 1)
  [ -n "$TARGET_IMAGE" ] || fail "The engine emulator's image could not be built; the message is above."
  export TARGET_IMAGE
  chosen TARGET_IMAGE "$TARGET_IMAGE"
  # The stand-in reads these variables, and its name is in no recipe.
  if is_default ENGINE_RECIPE; then
    export ENGINE_RECIPE=variables
    chosen ENGINE_RECIPE variables
  fi
}

start_orchestrator() {
  mv "$NEXT_SETTINGS" "$SETTINGS_FILE"
  : >>"$CHOICES_FILE.next"
  mv "$CHOICES_FILE.next" "$CHOICES_FILE"
  bun scripts/running.ts note "$STARTED_FILE"
  url=$(address)
  printf '%s\n' "$url" >"$RUN_DIR/orchestrator.url"
  # Started without `bun run start`, because down.sh needs the process id of the server itself.
  setsid bun src/main.ts </dev/null >>"$LOG_FILE" 2>&1 &
  pid=$!
  printf '%s\n' "$pid" >"$PID_FILE"
  setsid sh scripts/keep-log.sh "$LOG_FILE" "$pid" </dev/null >/dev/null 2>&1 &
  if bun scripts/ask.ts http "$url/readyz" "$READY_SECONDS" "$pid" && kill -0 "$pid" 2>/dev/null; then
    say "The orchestrator runs (process $pid, log $LOG_FILE)."
    tell_addresses "$url"
    return
  fi
  tail -n 20 "$LOG_FILE" >&2
  kill "$pid" 2>/dev/null || true
  rm -f "$PID_FILE"
  fail "The orchestrator was not ready within $READY_SECONDS seconds, or ended: its last lines are above, the log is" \
    "$LOG_FILE. Engines that ran keep running."
}

address() {
  host=$(setting BIND)
  case $host in
    0.0.0.0 | :: | 127.0.0.1) host=localhost ;;
    *:*) host="[$host]" ;;
  esac
  say "http://$host:$(setting APP_PORT)"
}

# Prints the argument with which curl sends the key; empty if there is none. It reads the key when it is used, because a key
# must not be shown. If there are several keys, the first is used.
key_argument() {
  if grep -q '^file *API_KEY=.' "$SETTINGS_FILE"; then
    read_key="head -n 1 '$(setting API_KEY_FILE)' | cut -d , -f 1"
  elif ! grep -q ' API_KEY=.' "$SETTINGS_FILE"; then
    return
  elif [ -n "${API_KEY:-}" ]; then
    # shellcheck disable=SC2016 # The user's shell expands it.
    say ' -H "Authorization: Bearer ${API_KEY%%,*}"'
    return
  else
    read_key="sed -n 's/^API_KEY=//p' '$ROOT/.env' | tr -d \"'\\\"\" | cut -d , -f 1"
    # Bun reads more forms of a line than that command does.
    if [ "$(eval "$read_key" 2>/dev/null)" != "$(bun -p "$FIRST_KEY" 2>/dev/null)" ]; then
      read_key="sh '$ROOT/scripts/run.sh' -p '$FIRST_KEY' 2>/dev/null"
    fi
  fi
  say " -H \"Authorization: Bearer \$($read_key)\""
}
FIRST_KEY='(process.env.API_KEY ?? "").split(",")[0].trim()'

tell_addresses() {
  cat <<END

  API         $1/engines
  Panel       $1/panel
  Swagger UI  $1/swagger
  Status      $1/orchestrator/status

A first engine:

  curl -X POST$(key_argument) -H 'Content-Type: application/json' -d '{}' $1/provision/acestream

END
  case $(command -v bun) in
    "$RUN_DIR"/*) say "Bun is not on your PATH. To run it here, for example: sh '$ROOT/scripts/run.sh' run check" ;;
  esac
  if [ -e "$RUN_DIR/dockerd" ]; then
    say "To see its container with docker ps: export DOCKER_HOST=$(cat "$RUN_DIR/docker-host")"
  fi
}

main
