import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './docker.ts'

/** Where the data goes: not every file system (such as a container's own) can hold image layers. */
const DATA_PARENT = process.env.ROUNDHOUSE_DOCKERD_DIR ?? '/var/lib/roundhouse-docker'

const UP_WITHIN_MS = 60_000

/** The only variable of this host that the machine has. DOCKER_HOST would name the host's Docker Engine. */
const PATH = process.env.PATH ?? ''

/**
 * What the first process of the machine does. Sockets and pid files are in a /run of its own, what is installed goes to layers
 * over those of this host, a device for a VPN is made where there is none, and there is no way to any other network, so nothing
 * can be pulled. That is why no packet filter is needed.
 */
const BOOT = `
mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs tmpfs /run
for each in etc usr/local; do
  mkdir -p "$1/over/$each" "$1/over-work/$each"
  mount -t overlay overlay -o "lowerdir=/$each,upperdir=$1/over/$each,workdir=$1/over-work/$each" "/$each" || exit 1
done
if [ ! -e /dev/net/tun ]; then mkdir -p /dev/net && mount -t tmpfs tmpfs /dev/net && mknod /dev/net/tun c 10 200; fi
ip link set lo up
dockerd --data-root "$1/docker" --host unix:///run/docker.sock --iptables=false --ip-forward=false --ip-masq=false \\
  >"$1/dockerd.log" 2>&1 &
wait`

/**
 * A machine with nothing on it but a Docker Engine, as far as its processes can see: all ports, names and images are free, and
 * the socket is at its usual place. So commands of documents run there as they are written. `close` ends everything in it.
 */
export class Machine {
  private constructor(
    /** A folder that is empty at first, with the same path inside and outside. */
    readonly folder: string,
    private readonly init: Bun.Subprocess,
  ) {}

  /** Starts the machine, and resolves when its Docker Engine answers. Throws with a sentence for people if it cannot be. */
  static async open(): Promise<Machine> {
    const missing = ['dockerd', 'ip', 'unshare', 'nsenter'].filter((program) => Bun.which(program) === null)
    if (process.getuid?.() !== 0 || missing.length > 0) {
      const why = missing.length > 0 ? `this machine has no ${missing.join(' and no ')}` : 'it takes root'
      throw new Error(`These tests need a machine of their own, which can't be made here: ${why}.`)
    }
    const folder = `${DATA_PARENT}-machine-${process.pid}`
    for (const part of ['docker', 'home', 'work']) mkdirSync(join(folder, part), { recursive: true })
    const init = Bun.spawn(
      ['unshare', ...['--net', '--mount', '--pid', '--fork', '--kill-child'], 'sh', '-c', BOOT, 'sh', folder],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const machine = new Machine(folder, init)
    try {
      await until('the Docker Engine of the machine answers', () => machine.#answers(), UP_WITHIN_MS)
    } catch (error) {
      const log = readFileSync(join(folder, 'dockerd.log'), 'utf8').split('\n').slice(-15).join('\n')
      await machine.close()
      throw new Error(`the machine does not start: ${log}`, { cause: error })
    }
    return machine
  }

  /** The command line that runs a program in the machine, in this folder. */
  command(program: readonly string[], folder = this.folder): readonly string[] {
    const [first = ''] = readFileSync(`/proc/${this.init.pid}/task/${this.init.pid}/children`, 'utf8').split(
      ' ',
    )
    return ['nsenter', '--target', first, '--net', '--mount', '--pid', `--wd=${folder}`, '--', ...program]
  }

  /** Runs commands of a shell in the machine, and returns what they print. Throws with their errors if one fails. */
  async run(commands: string, input: 'ignore' | ReadableStream = 'ignore'): Promise<string> {
    const child = Bun.spawn([...this.command(['sh', '-euc', commands])], {
      stdio: [input, 'pipe', 'pipe'],
      env: { PATH },
    })
    const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    if (code !== 0) throw new Error(`it ended with ${code}:\n${commands}\n${output}\n${errors}`)
    return output
  }

  /** Copies images of the host's Docker Engine into that of the machine. */
  async load(images: readonly string[]): Promise<void> {
    const saved = Bun.spawn(['docker', 'save', ...images], { stdio: ['ignore', 'pipe', 'inherit'] })
    await this.run('docker load', saved.stdout)
  }

  /** The environment of a terminal in the machine. `clear` knows by it what was started there. */
  get environment(): Readonly<Record<string, string>> {
    return { PATH, HOME: join(this.folder, 'home') }
  }

  /** Ends what terminals left running, and removes all containers, volumes and networks. Images stay. */
  async clear(): Promise<void> {
    await this.run(`
      for each in /proc/[0-9]*; do
        if grep -qsz '^HOME=${this.environment.HOME}$' "$each/environ"; then kill -KILL "\${each#/proc/}" || true; fi
      done
      docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes
      docker volume ls --quiet | xargs --no-run-if-empty docker volume rm
      docker network prune --force`)
  }

  /** Ends all processes of the machine, and deletes its folder. */
  async close(): Promise<void> {
    if (this.init.exitCode === null) await this.clear().catch(() => undefined)
    this.init.kill('SIGKILL')
    await this.init.exited
    // The kernel needs a moment for what the machine had mounted.
    await until('its folder is deleted', () => {
      rmSync(this.folder, { recursive: true, force: true })
      return true
    })
  }

  async #answers(): Promise<boolean> {
    if (this.init.exitCode !== null) throw new Error('it has ended')
    return await this.run('docker version').then(
      () => true,
      () => false,
    )
  }
}
