import { expect, test } from 'bun:test'
import { join } from 'node:path'

const SCRIPTS = join(import.meta.dir, '../../scripts')

/**
 * Makes a bridge as `up.sh` does, in a network of its own, and prints the bridge's address: at first, when a container with a
 * lower address comes, and when each of them goes. `$2` is what an earlier version left.
 */
const LOOKS = `
ROOT=$1/..
. "$1/lib.sh"; . "$1/lib-dockerd.sh"
DOCKERD_BRIDGE=roundhouse0
look() { ip -o link show dev "$DOCKERD_BRIDGE" | grep -o 'link/ether [^ ]*'; }
container() { ip link add "$1" address "$2" type veth peer name "$1-peer" && ip link set "$1" master "$DOCKERD_BRIDGE"; }
if [ "$2" = bridge ]; then
  ip link add "$DOCKERD_BRIDGE" type bridge
  container earlier 02:00:00:00:00:03
fi
create_bridge
container first 02:00:00:00:00:02 && look
container second 02:00:00:00:00:01 && look
for name in second first earlier; do
  if ip link show "$name" >/dev/null 2>&1; then ip link delete "$name" && look; fi
done`

test.each(['nothing', 'bridge'])(
  'a bridge keeps its address while containers come and go, after %s',
  (left) => {
    if (process.getuid?.() !== 0) throw new Error('This test makes a network of its own, which takes root.')
    const alone = ['unshare', '--net', 'sh', '-euc', LOOKS, 'sh', SCRIPTS, left]
    const { stdout, stderr, exitCode } = Bun.spawnSync(alone, { stderr: 'pipe' })
    expect([exitCode, stderr.toString()]).toEqual([0, ''])
    const looks = stdout.toString().trim().split('\n')
    expect(looks).toHaveLength(left === 'bridge' ? 5 : 4)
    expect(new Set(looks).size).toBe(1)
  },
)
