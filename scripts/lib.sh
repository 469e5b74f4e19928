# Functions that the scripts share. Sourced with ROOT set to the project's folder; POSIX sh.
# shellcheck shell=sh

BUN_VERSION=1.4.5
RUN_DIR="$ROOT/.run"
PID_FILE="$RUN_DIR/orchestrator.pid"
# The settings that the running orchestrator was started with, as --print-config shows them.
SETTINGS_FILE="$RUN_DIR/settings"
STOP_SECONDS=20
SYSTEM_SOCKET="${ROUNDHOUSE_SYSTEM_SOCKET:-/var/run/docker.sock}"

# The folders of the Docker Engine that up.sh starts if there is none. The variables are for machines with other writable
# folders.
UP_DOCKERD_DATA="${ROUNDHOUSE_DOCKERD_DIR:-/var/lib/roundhouse-docker}"
UP_DOCKERD_RUN="${ROUNDHOUSE_DOCKERD_RUN:-/run/roundhouse}"

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Ends the script because it was called in a wrong way. Exit code 2, as for a wrong setting.
wrong_usage() {
  printf '%s\n' "$1 To see what this script does: sh '$0' --help" >&2
  exit 2
}

# Prints the comment at the head of the script.
show_help() { sed -n '2,${/^#/!q;s/^# \{0,1\}//p;}' "$0"; }

# Prints the value of a setting in SETTINGS_FILE; empty if there is none.
setting() { sed -n "s/^[a-z]* *$1=//p" "$SETTINGS_FILE" 2>/dev/null || true; }

# Puts the pinned Bun on the PATH. Installs it into the project's folder if this machine has no Bun or another version.
ensure_bun() {
  if [ "$(bun --version 2>/dev/null)" = "$BUN_VERSION" ]; then return; fi
  PATH="$RUN_DIR/bun/bin:$PATH"
  export PATH
  hash -r
  if [ "$(bun --version 2>/dev/null)" = "$BUN_VERSION" ]; then return; fi
  command -v npm >/dev/null 2>&1 ||
    fail "Bun $BUN_VERSION is missing and there is no npm to install it with: install Node.js with npm, or Bun itself."
  say "Installing Bun $BUN_VERSION into $RUN_DIR/bun"
  mkdir -p "$RUN_DIR/bun/bin"
  npm install --prefix "$RUN_DIR/bun" --no-save --no-audit --no-fund --loglevel=error "bun@$BUN_VERSION" ||
    fail "npm could not install Bun $BUN_VERSION; its message is above."
  link_bun
  hash -r
}

# Links the Bun that npm installed. If npm does not run install scripts, bin/bun.exe is a stub, and the executable is in a
# package of its own. There may be several, for processors with and without AVX2 and for musl; the first that runs here is
# used.
link_bun() {
  for candidate in "$RUN_DIR"/bun/node_modules/bun/bin/bun.exe "$RUN_DIR"/bun/node_modules/@oven/bun-*/bin/bun; do
    if [ "$("$candidate" --version 2>/dev/null)" = "$BUN_VERSION" ]; then
      ln -sf "$candidate" "$RUN_DIR/bun/bin/bun"
      ln -sf bun "$RUN_DIR/bun/bin/bunx"
      return
    fi
  done
  fail "npm installed Bun $BUN_VERSION into $RUN_DIR/bun, but no executable in it runs on this machine."
}

# Installs exactly the packages of bun.lock.
ensure_packages() {
  (cd "$ROOT" && bun install --no-env-file --frozen-lockfile) || fail "The packages could not be installed; bun's message is above."
}

docker_answers() { bun "$ROOT/scripts/ask.ts" docker "$@"; }

# Sets DOCKER_HOST to a Docker Engine that answers: the given one, the system's, or one that up.sh started. Returns 1 if
# there is none. If the given one does not answer, that is an error, because another Docker Engine has other containers.
find_docker() {
  if [ -n "${1:-}" ]; then
    docker_answers "$1" || fail "DOCKER_HOST is $1, and no Docker Engine answers there: start it, or unset DOCKER_HOST."
    DOCKER_HOST=$1
  elif docker_answers "unix://$SYSTEM_SOCKET"; then
    DOCKER_HOST="unix://$SYSTEM_SOCKET"
  elif docker_answers "unix://$UP_DOCKERD_RUN/docker.sock"; then
    DOCKER_HOST="unix://$UP_DOCKERD_RUN/docker.sock"
  else
    return 1
  fi
  export DOCKER_HOST
}

# Ends the script if it may not install and start a Docker Engine, with a message that says what to do.
require_installing_rights() {
  if [ -S "$SYSTEM_SOCKET" ] && [ ! -w "$SYSTEM_SOCKET" ]; then
    fail "This user may not use $SYSTEM_SOCKET: add it to the group docker and log in again, or run this as root."
  fi
  if [ "$(id -u)" -ne 0 ] || { ! command -v dockerd && ! command -v apt-get; } >/dev/null 2>&1; then
    fail "No Docker Engine answers: install one (on Debian, as root: apt-get install docker.io), or set DOCKER_HOST."
  fi
}

# True if process $1 exists and its command line contains $2. A stale pid file may name another process.
is_process() {
  [ -n "$1" ] && [ -r "/proc/$1/cmdline" ] && tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF -- "$2"
}

# Waits until process $1 is gone, at most $2 seconds. A zombie that nobody reaps counts as gone.
wait_gone() {
  polls=$(($2 * 5))
  while kill -0 "$1" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; do
    [ "$polls" -gt 0 ] || return 1
    polls=$((polls - 1))
    sleep 0.2
  done
}

# Prints the process id of the orchestrator that up.sh started; nothing if it does not run.
running_pid() {
  noted=$(cat "$PID_FILE" 2>/dev/null || true)
  if is_process "$noted" src/main.ts; then say "$noted"; fi
}

# Ends the orchestrator; its engines and their streams go on. Returns 1 if there is none.
stop_orchestrator() {
  pid=$(running_pid)
  [ -n "$pid" ] || { rm -f "$PID_FILE" && return 1; }
  kill "$pid"
  wait_gone "$pid" "$STOP_SECONDS" ||
    fail "The orchestrator (process $pid) has not ended after $STOP_SECONDS seconds; nothing else was done."
  rm -f "$PID_FILE"
}
