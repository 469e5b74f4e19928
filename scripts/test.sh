#!/bin/sh
# Checks, tests and simulates the project, with everything it needs that this machine lacks.
# Usage: sh scripts/test.sh [arguments of bun test]
# The last line is `N passed, N failed`, of the tests; the exit code is that of the first of tests, simulation and checks
# that failed.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/lib.sh"
. "$ROOT/scripts/lib-dockerd.sh"

SIMULATED_SEEDS=500
DOCKERD_STARTED=false
OUTPUT=$(mktemp)

clean_up() {
  trap - EXIT
  rm -f "$OUTPUT" "$OUTPUT.code"
  if $DOCKERD_STARTED; then
    dockerd_stop
    dockerd_purge
  fi
}

# A Docker Engine that is there is used and left alone. Our own touches neither iptables nor sysctls of the host: the
# tests need published ports, which its proxy serves, and no way out.
ensure_docker() {
  if find_docker "${DOCKER_HOST:-}"; then
    # Some tests stop and freeze a daemon, so they start one of their own.
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then dockerd_install; fi
    return
  fi
  require_installing_rights
  DOCKERD_DATA="$UP_DOCKERD_DATA-test.$$" DOCKERD_RUN="$UP_DOCKERD_RUN-test.$$" DOCKERD_BRIDGE="rhtest$$"
  DOCKERD_FLAGS='--iptables=false --ip-forward=false --ip-masq=false'
  dockerd_install
  DOCKERD_STARTED=true
  dockerd_start
}

# Prometheus and promtool, with which the tests try the alerts: Debian's package, unpacked and not installed, so that no
# service is started; they need nothing but libc. Without apt the tests that want them say what is missing.
ensure_prometheus() {
  if command -v prometheus && command -v promtool; then return; fi >/dev/null 2>&1
  if [ -x "$RUN_DIR/prometheus/usr/bin/promtool" ] || ! command -v apt-get >/dev/null 2>&1; then return; fi
  say "Unpacking Debian's prometheus into $RUN_DIR/prometheus"
  mkdir -p "$RUN_DIR"
  unpacked=$(mktemp -d "$RUN_DIR/prometheus.XXXXXX")
  (
    cd "$unpacked" && chmod 755 . &&
      { download_prometheus || { [ "$(id -u)" -eq 0 ] && apt-get update -qq && download_prometheus; }; } &&
      dpkg -x prometheus_*.deb . && rm prometheus_*.deb
  ) || say 'apt gave no prometheus; its message is above.' >&2
  if [ -x "$unpacked/usr/bin/promtool" ]; then mv "$unpacked" "$RUN_DIR/prometheus"; else rm -rf "$unpacked"; fi
}

# Needs no rights, but a list of packages. Root's own folder is closed to apt's user.
download_prometheus() { apt-get download -qq -o APT::Sandbox::User=root prometheus; }

# Runs the tests and copies what they print to $OUTPUT; a pipe would give the exit code of tee.
run_tests() {
  { code=0 && bun test "$@" 2>&1 || code=$?; printf '%s\n' "$code" >"$OUTPUT.code"; } | tee "$OUTPUT"
  return "$(cat "$OUTPUT.code")"
}

# What bun printed of each failed test, again: the simulation's tables come after it, and whoever sees the end of a log
# alone should see what failed. What a test prints comes before its own line; bun's summary names the failed ones again.
print_failures() {
  awk '
    /tests? failed:$/ { exit }
    /^tests\/.*:$/ { file = $0; lines = 0; next }
    /^\((pass|skip|todo)\) / { lines = 0; next }
    /^\(fail\) / {
      print file
      for (i = lines > 40 ? lines - 39 : 1; i <= lines; i++) print line[i]
      print
      lines = 0
      next
    }
    /^  \^ this test timed out/ { print; next }
    { line[++lines] = $0 }
  ' "$OUTPUT"
}

# The number that bun's summary gives for a word, which is on a line of its own (` 12 pass`); 0 where it has none.
summary() {
  number=$(sed -n "s/^ *\([0-9][0-9]*\) $1\$/\1/p" "$OUTPUT" | tail -n 1)
  printf '%s' "${number:-0}"
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$ROOT"
ensure_bun
ensure_packages
ensure_docker
ensure_prometheus
checks=0
bun run check || checks=$?
tests=0
run_tests "$@" || tests=$?
# Whoever names tests wants those alone.
simulation=0
if [ $# -eq 0 ]; then bun run simulate --seeds "$SIMULATED_SEEDS" --require-coverage || simulation=$?; fi
passed=$(summary pass)
failed=$(summary fail)
# A run that broke off before its summary is no success, and neither is one that found no tests.
if [ "$tests" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
if [ "$tests" -ne 0 ]; then
  say 'What failed:'
  print_failures
fi
clean_up
if [ "$checks" -ne 0 ]; then say 'The checks failed: see above the tests.'; fi
if [ "$simulation" -ne 0 ]; then say 'The simulation failed: see below the tests.'; fi
say "$passed passed, $failed failed"
for code in "$tests" "$simulation" "$checks"; do
  if [ "$code" -ne 0 ]; then exit "$code"; fi
done
