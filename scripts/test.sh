#!/bin/sh
# Checks, tests and simulates the project. Installs what this machine lacks for that.
#
# Usage: sh scripts/test.sh [--all] [FILE OR ARGUMENT OF bun test ...]
#   --all    add the slowest tests and all seeds of the simulation
# The head of scripts/run-tests.ts says what runs and in which order. With files or arguments, only those tests run. If no
# Docker Engine answers, one is started for the tests and removed afterwards.
#
# The last line of the tests is `N passed, N failed`.
#
# Exit codes: 0 all passed; if tests failed, that of the tests; otherwise that of the checks.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/lib.sh"
. "$ROOT/scripts/lib-dockerd.sh"

case ${1:-} in -h | --help) show_help && exit 0 ;; esac

DOCKERD_STARTED=false

clean_up() {
  trap - EXIT
  if $DOCKERD_STARTED; then
    forward_bridged -D 2>/dev/null || true
    dockerd_stop
    dockerd_purge
  fi
}

# Adds (-I) or removes (-D) a rule that lets the containers of one network reach each other. Another Docker Engine, also one
# that has ended, leaves a host that drops forwarded packets and counts those of a bridge as such.
forward_bridged() {
  iptables --wait "$1" FORWARD -m physdev --physdev-is-bridged -m comment --comment "$DOCKERD_BRIDGE" -j ACCEPT
}

# Uses a Docker Engine that answers, without changing it, or starts one. Ours changes neither sysctls of the host nor its
# iptables, but for one rule: the tests need published ports, which Docker's proxy serves, and no access to the internet.
ensure_docker() {
  if find_docker "${DOCKER_HOST:-}"; then
    # Some tests stop and freeze a daemon, so they start one of their own and need dockerd installed.
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then dockerd_install; fi
    return
  fi
  require_installing_rights
  DOCKERD_DATA="$UP_DOCKERD_DATA-test.$$" DOCKERD_RUN="$UP_DOCKERD_RUN-test.$$" DOCKERD_BRIDGE="rhtest$$"
  DOCKERD_FLAGS='--iptables=false --ip-forward=false --ip-masq=false'
  dockerd_install
  DOCKERD_STARTED=true
  forward_bridged -I || say 'iptables took no rule for the tests: containers of one network may not reach each other.' >&2
  dockerd_start
}

# Provides Prometheus and promtool, which the tests of the alerts need. Debian's package is unpacked and not installed, so
# that no service starts; the programs need only libc. Without apt, the tests that need them say what is missing.
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

# Needs no special rights, but apt's package lists. Downloads as root, because apt's user cannot write to root's folder.
download_prometheus() { apt-get download -qq -o APT::Sandbox::User=root prometheus; }

# Provides Chromium, which the slowest tests need. Without apt or its rights, the test that needs it says what is missing.
ensure_chromium() {
  case " $* " in *' --all '*) ;; *) return ;; esac
  if command -v chromium >/dev/null 2>&1; then return; fi
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then return; fi
  say 'Installing by apt: chromium (it stays installed; remove it with apt-get remove)'
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >&2 ||
    say 'apt gave no chromium; its message is above.' >&2
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$ROOT"
ensure_bun
ensure_packages
ensure_docker
ensure_prometheus
ensure_chromium "$@"
checks=0
bun run check || checks=$?
if [ "$checks" -ne 0 ]; then say 'The checks failed: see above. The tests run all the same.'; fi
tests=0
bun scripts/run-tests.ts "$@" || tests=$?
clean_up
if [ "$tests" -ne 0 ]; then exit "$tests"; fi
exit "$checks"
