# Runs a Docker Engine of our own. Sourced after lib.sh; POSIX sh. These variables describe the daemon:
#   DOCKERD_DATA    data root                DOCKERD_RUN  folder of socket, pid file and log
#   DOCKERD_BRIDGE  name of its bridge       DOCKERD_FLAGS  more flags, separated by spaces
# shellcheck shell=sh

# Installs Debian's packages without recommended ones, except what a machine without systemd needs to mount its cgroups.
# Prevents the package from starting its own daemon, which would conflict with ours.
dockerd_install() {
  missing=''
  command -v dockerd >/dev/null 2>&1 || missing="$missing docker.io"
  command -v ip >/dev/null 2>&1 || missing="$missing iproute2"
  command -v chattr >/dev/null 2>&1 || missing="$missing e2fsprogs"
  cgroups_mounted || command -v cgroupfs-mount >/dev/null 2>&1 || missing="$missing cgroupfs-mount"
  [ -n "$missing" ] || return 0
  say "Installing by apt:$missing (they stay installed; remove them with apt-get remove)"
  (
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      trap 'rm -f /usr/sbin/policy-rc.d' EXIT
      trap 'exit 130' INT TERM
      printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
      chmod 755 /usr/sbin/policy-rc.d
    fi
    # shellcheck disable=SC2086 # A list of package names.
    apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
  ) || fail "apt could not install$missing; its message is above."
}

# Starts the daemon, detached from this terminal, and waits until it answers. Sets and exports DOCKER_HOST.
dockerd_start() {
  mkdir -p "$DOCKERD_DATA" "$DOCKERD_RUN"
  mount_cgroups
  create_bridge
  DOCKER_HOST="unix://$DOCKERD_RUN/docker.sock"
  export DOCKER_HOST
  say "Starting a Docker Engine: data in $DOCKERD_DATA, socket $DOCKERD_RUN/docker.sock, bridge $DOCKERD_BRIDGE"
  # The daemon gets its own containerd namespaces, because it uses the system's containerd if one runs, which may have other
  # containers.
  # shellcheck disable=SC2086 # A list of flags.
  setsid dockerd --data-root "$DOCKERD_DATA" --exec-root "$DOCKERD_RUN/exec" \
    --pidfile "$DOCKERD_RUN/dockerd.pid" --host "$DOCKER_HOST" --bridge "$DOCKERD_BRIDGE" \
    --containerd-namespace "$DOCKERD_BRIDGE" --containerd-plugins-namespace "$DOCKERD_BRIDGE-plugins" \
    ${DOCKERD_FLAGS:-} </dev/null >"$DOCKERD_RUN/dockerd.log" 2>&1 &
  if docker_answers "$DOCKER_HOST" 60 $!; then return; fi
  tail -n 15 "$DOCKERD_RUN/dockerd.log" >&2
  dockerd_stop
  fail "The Docker Engine did not start: its last lines are above, the whole log is $DOCKERD_RUN/dockerd.log."
}

# Stops the daemon and its containers, and removes what dockerd_start made, except the data root and the log.
dockerd_stop() {
  dockerd_pid=$(cat "$DOCKERD_RUN/dockerd.pid" 2>/dev/null || true)
  if is_process "$dockerd_pid" "$DOCKERD_RUN/dockerd.pid"; then
    kill "$dockerd_pid"
    wait_gone "$dockerd_pid" 30 || say "The Docker Engine (process $dockerd_pid) has not ended after 30 seconds." >&2
  fi
  if bridge_exists; then ip link delete "$DOCKERD_BRIDGE"; fi
  unmount_below "$DOCKERD_RUN" "$DOCKERD_DATA"
  if [ -e "$DOCKERD_RUN/cgroups-mounted" ]; then
    cgroupfs-umount || true
    rm -f "$DOCKERD_RUN/cgroups-mounted"
  fi
  rm -rf "$DOCKERD_RUN/exec" "$DOCKERD_RUN/docker.sock" "$DOCKERD_RUN/dockerd.pid"
}

# Removes the data root too. To be called only after dockerd_stop: if a mount were left below the data root, its content
# would be deleted as well.
dockerd_purge() {
  rm -rf --one-file-system "$DOCKERD_DATA" "$DOCKERD_RUN"
}

cgroups_mounted() {
  [ -e /sys/fs/cgroup/cgroup.controllers ] || [ -d /sys/fs/cgroup/memory ] || [ -d /sys/fs/cgroup/devices ]
}

mount_cgroups() {
  if cgroups_mounted; then return; fi
  say 'Mounting the control groups below /sys/fs/cgroup'
  cgroupfs-mount || true
  cgroups_mounted ||
    fail 'The control groups cannot be mounted here (a container without privileges?): no Docker Engine can run.'
  : >"$DOCKERD_RUN/cgroups-mounted"
}

bridge_exists() { ip link show "$DOCKERD_BRIDGE" >/dev/null 2>&1; }

# Creates a bridge of our own, in a network without a route so far, because docker0 may belong to another daemon.
# --bridge=none must not be used: a daemon started with it deletes docker0, even if another daemon uses it.
create_bridge() {
  if bridge_exists; then
    keep_bridge_address
    return
  fi
  for net in 10.219.7 10.219.71 172.29.219 192.168.219; do
    if ip -4 route show to match "$net.1" | grep -qv '^default'; then continue; fi
    ip link add "$DOCKERD_BRIDGE" type bridge || fail 'No bridge can be made here, so no Docker Engine can be started.'
    ip addr add "$net.1/24" dev "$DOCKERD_BRIDGE"
    keep_bridge_address
    ip link set "$DOCKERD_BRIDGE" up
    return
  done
  fail 'None of the networks for the Docker Engine is free here: start one yourself and set DOCKER_HOST.'
}

# Gives the bridge the hardware address that it has, for good. Otherwise a bridge takes the lowest one of its ports: when that
# container goes, the others send to an address that is nobody's for up to a minute, in which no stream moves.
keep_bridge_address() {
  bridge_address=$(ip -o link show dev "$DOCKERD_BRIDGE" | sed -n 's|.* link/ether \([^ ]*\) .*|\1|p')
  ip link set dev "$DOCKERD_BRIDGE" address "$bridge_address" ||
    say "$DOCKERD_BRIDGE keeps no address of its own: streams may stand still for up to a minute when an engine goes." >&2
}

# Unmounts everything below the folders, the deepest mounts first, so that nothing is mounted on what is unmounted.
unmount_below() {
  for folder in "$@"; do
    awk -v below="$folder/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r |
      while read -r mounted; do umount -l "$mounted" || true; done
  done
}
