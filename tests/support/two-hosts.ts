import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Dockerode from 'dockerode'
import { until } from './docker.ts'

/** Where the data goes: not every file system (such as a container's own) can hold image layers. */
const DATA_PARENT = process.env.ROUNDHOUSE_DOCKERD_DIR ?? '/var/lib/roundhouse-docker'

const UP_WITHIN_MS = 60_000

/** The only variable of this machine that the hosts have. DOCKER_HOST would name its own Docker Engine. */
const PATH = process.env.PATH ?? ''

/** The first two parts of all addresses here. */
const NETWORK = '10.221'

/** How often a node tells its manager that it is there, by default: as Swarm does. */
const HEARTBEAT_S = 5

/** What a host has of its own. */
const NAMESPACES = ['--net', '--mount', '--pid', '--uts', '--fork']

/**
 * What the first process of a host does: its arguments are its folder and its name. The sockets that Docker uses itself are in
 * a /run of its own. It waits until it has its network, because a Docker Engine looks at the network once.
 */
const BOOT = `
mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs tmpfs /run && hostname "$2" || exit 1
ip link set lo up
while ! ip -4 addr show dev eth0 2>/dev/null | grep -q inet; do sleep 0.02; done
exec dockerd --data-root "$1/docker" --host "unix://$1/docker.sock" --insecure-registry ${NETWORK}.0.0/16 \\
  >>"$1/dockerd.log" 2>&1`

/** One host of a swarm: namespaces of its own with a Docker Engine, a network address and a hostname. */
export class SwarmHost {
  readonly dockerHost: string
  readonly client: Dockerode
  #init: Bun.Subprocess | null = null
  #id = ''

  constructor(
    readonly name: string,
    /** Where the other hosts and this machine reach it. */
    readonly address: string,
    private readonly wire: { readonly switch: string; readonly port: string; readonly mac: string },
  ) {
    const socketPath = join(this.#folder, 'docker.sock')
    this.dockerHost = `unix://${socketPath}`
    this.client = new Dockerode({ socketPath })
  }

  /** The id of this node of the swarm. */
  get id(): string {
    if (this.#id === '') throw new Error(`${this.name} is no node of a swarm yet.`)
    return this.#id
  }

  /** Starts the host, also again after `kill`, and resolves when its Docker Engine answers. */
  async start(): Promise<void> {
    if (this.#init !== null) return
    mkdirSync(join(this.#folder, 'docker'), { recursive: true })
    rmSync(join(this.#folder, 'docker.sock'), { force: true })
    const boot = ['sh', '-c', BOOT, 'sh', this.#folder, this.name]
    // A host must not outlive the tests, however they end.
    const ended = ['setpriv', '--pdeathsig', 'KILL', 'unshare', ...NAMESPACES, '--kill-child']
    this.#init = Bun.spawn([...ended, ...boot], { stdio: ['ignore', 'ignore', 'inherit'], env: { PATH } })
    try {
      this.#connect(await until('it has its namespaces', () => this.#first()))
      await until('its Docker Engine answers', () => this.#answers(), UP_WITHIN_MS)
    } catch (cause) {
      throw new Error(`The host ${this.name} does not start:\n${this.#lastLog()}`, { cause })
    }
  }

  /** Ends everything on the host at once, as a loss of its power does. Its data remains. */
  async kill(): Promise<void> {
    const first = this.#init?.exitCode === null ? this.#first() : null
    this.#init?.kill('SIGKILL')
    await this.#init?.exited
    this.#init = null
    if (first !== null) await until('its processes have ended', () => !existsSync(`/proc/${first}`))
    // The kernel takes the cable away later, and the next start needs its place.
    Bun.spawnSync(['ip', '-n', this.wire.switch, 'link', 'delete', this.wire.port])
  }

  /** Stops all answers of its Docker Engine until `thaw`; its containers run on. */
  async freeze(): Promise<void> {
    process.kill(await this.#engine(), 'SIGSTOP')
  }

  async thaw(): Promise<void> {
    process.kill(await this.#engine(), 'SIGCONT')
  }

  /** Takes the host off the network until `plugIn`; everything on it runs on. */
  unplug(): void {
    run(['ip', '-n', this.wire.switch, 'link', 'set', this.wire.port, 'down'])
  }

  plugIn(): void {
    run(['ip', '-n', this.wire.switch, 'link', 'set', this.wire.port, 'up'])
  }

  /** Runs a program on the host, and returns what it prints. Throws with its errors if it fails. */
  async run(program: readonly string[]): Promise<string> {
    const first = this.#first()
    if (!first) throw new Error(`${this.name} does not run.`)
    const child = Bun.spawn(['nsenter', '--target', first, '--net', '--mount', '--pid', '--', ...program], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH },
    })
    const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    if (code !== 0) throw new Error(`${program.join(' ')} ended with ${code} on ${this.name}: ${errors}`)
    return output
  }

  /** Starts a program of this machine in the network of the host. Whoever started it ends it. */
  spawn(program: readonly string[]): Bun.Subprocess<'ignore', 'pipe', 'inherit'> {
    const first = this.#first()
    if (!first) throw new Error(`${this.name} does not run.`)
    return Bun.spawn(['nsenter', '--target', first, '--net', '--', ...program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH },
    })
  }

  /** Lets a process on the host, outside Docker, hold a port until it is released. */
  async holdPort(port: number): Promise<() => void> {
    const listen = `Bun.listen({ hostname: '0.0.0.0', port: ${port}, socket: { data() {} } }); console.log('held')`
    const child = this.spawn([process.execPath, '-e', listen])
    const { value } = await child.stdout.getReader().read()
    if (value === undefined) throw new Error(`${this.name} does not give the port ${port}.`)
    return () => child.kill('SIGKILL')
  }

  /** Copies images of this machine's Docker Engine to the host. */
  async load(images: readonly string[]): Promise<void> {
    const saved = Bun.spawn(['docker', 'save', ...images], { stdio: ['ignore', 'pipe', 'inherit'] })
    const loading = Bun.spawn(['docker', '--host', this.dockerHost, 'load', '--quiet'], {
      stdio: [saved.stdout, 'ignore', 'inherit'],
    })
    const codes = [await saved.exited, await loading.exited]
    if (codes.some((code) => code !== 0)) throw new Error(`The images did not come to ${this.name}.`)
  }

  /** Makes a swarm that has only this host, or joins the swarm of a manager. */
  async join(manager: SwarmHost | null, heartbeatS: number): Promise<void> {
    const at = { ListenAddr: `${this.address}:2377`, AdvertiseAddr: this.address }
    if (manager === null)
      await this.client.swarmInit({ ...at, Spec: { Dispatcher: { HeartbeatPeriod: heartbeatS * 1e9 } } })
    else {
      const { JoinTokens } = await manager.client.swarmInspect()
      await this.client.swarmJoin({
        ...{ ...at, RemoteAddrs: [`${manager.address}:2377`], JoinToken: JoinTokens?.Worker ?? '' },
      })
    }
    const { Swarm } = await this.client.info()
    this.#id = Swarm.NodeID
  }

  /** Ends the host, and removes everything that it left. */
  async close(): Promise<void> {
    await this.kill()
    // The kernel needs a moment for what the host had mounted.
    await until(`the folder of ${this.name} is deleted`, () => {
      rmSync(this.#folder, { recursive: true, force: true })
      return true
    })
  }

  get #folder(): string {
    return `${DATA_PARENT}-${this.wire.switch}-${this.name}`
  }

  /** Puts a cable between the host and the switch. */
  #connect(pid: string): void {
    const { switch: at, port, mac } = this.wire
    // A machine that comes back has the same network card, whose address the others remember.
    const peer = ['peer', 'name', 'eth0', 'address', mac, 'netns', pid]
    run(['ip', '-n', at, 'link', 'add', port, 'type', 'veth', ...peer])
    run(['ip', '-n', at, 'link', 'set', port, 'master', 'br0', 'up'])
    run(['nsenter', '--target', pid, '--net', 'ip', 'link', 'set', 'eth0', 'up'])
    run(['nsenter', '--target', pid, '--net', 'ip', 'addr', 'add', `${this.address}/24`, 'dev', 'eth0'])
  }

  /** The pid of the first process of the host, which is its Docker Engine once it has booted. */
  #first(): string | null {
    if (this.#init === null) return null
    if (this.#init.exitCode !== null) throw new Error(`It has ended with ${this.#init.exitCode}.`)
    const { pid } = this.#init
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0] || null
  }

  async #engine(): Promise<number> {
    const first = this.#first()
    if (first === null) throw new Error(`${this.name} does not run.`)
    return Number(first)
  }

  async #answers(): Promise<boolean> {
    if (this.#first() === null) return false
    return await this.client.ping().then(
      () => true,
      () => false,
    )
  }

  #lastLog(): string {
    const path = join(this.#folder, 'dockerd.log')
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(-15).join('\n') : 'no log'
  }
}

/** Hosts of one swarm in namespaces of this machine, behind one switch. The first one is the manager. */
export class SwarmHosts {
  private constructor(
    readonly hosts: readonly SwarmHost[],
    /** Where the hosts reach this machine. */
    readonly outside: string,
    private readonly name: string,
  ) {}

  /** Why there can be no such hosts on this machine, in words for people; null if there can. */
  static lacking(): string | null {
    if (process.getuid?.() !== 0) return 'it takes root'
    const programs = ['dockerd', 'ip', 'unshare', 'nsenter', 'setpriv']
    const missing = programs.filter((program) => Bun.which(program) === null)
    if (missing.length > 0) return `this machine has no ${missing.join(' and no ')}`
    const { exitCode, stderr } = Bun.spawnSync(['unshare', ...NAMESPACES, 'true'])
    return exitCode === 0 ? null : `this machine makes no namespaces: ${stderr.toString().trim()}`
  }

  /**
   * Starts this many hosts, joins them to a swarm, and puts these images of this machine's Docker Engine on all of them. A host
   * tells the manager that it is there every `heartbeatS` seconds, and is lost after two to three times as long. Throws with a
   * sentence for people if that is not possible here.
   */
  static async open(
    count: number,
    images: readonly string[],
    { heartbeatS = HEARTBEAT_S }: { readonly heartbeatS?: number } = {},
  ): Promise<SwarmHosts> {
    const why = SwarmHosts.lacking()
    if (why !== null)
      throw new Error(`These tests need a swarm of their own, which can't be made here: ${why}.`)
    // Linux allows 15 characters for the name of a network device.
    const name = `rhsw${process.pid.toString(36)}${Math.floor(Math.random() * 36 ** 3).toString(36)}`
    const prefix = plugIn(name)
    const hosts = Array.from({ length: count }, (_, at) => {
      const mac = `02:00:${prefix.split('.').map(twoDigits).join(':')}:${twoDigits(String(at + 1))}`
      const wire = { switch: name, port: `port${at + 1}`, mac }
      return new SwarmHost(`host${at + 1}`, `${prefix}.${at + 1}`, wire)
    })
    const swarm = new SwarmHosts(hosts, `${prefix}.254`, name)
    try {
      await Promise.all(hosts.map((host) => host.start()))
      for (const host of hosts) await host.join(host === swarm.manager ? null : swarm.manager, heartbeatS)
      await Promise.all(hosts.map((host) => host.load(images)))
    } catch (error) {
      await swarm.close()
      throw error
    }
    return swarm
  }

  get manager(): SwarmHost {
    return this.host(0)
  }

  host(at: number): SwarmHost {
    const host = this.hosts[at]
    if (host === undefined) throw new Error(`There is no host ${at}.`)
    return host
  }

  /** Lets the operator say what a host may take, as `docker node update --availability` does. */
  async setAvailability(host: SwarmHost, availability: 'active' | 'pause' | 'drain'): Promise<void> {
    await this.#update(host, { Availability: availability })
  }

  /** Replaces the labels of a node of the swarm, as `docker node update --label-add` does. */
  async setLabels(host: SwarmHost, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.#update(host, { Labels: labels })
  }

  /** Whether the manager hears of a host. */
  async isUp(host: SwarmHost): Promise<boolean> {
    return (await this.manager.client.getNode(host.id).inspect()).Status.State === 'ready'
  }

  async #update(host: SwarmHost, changes: object): Promise<void> {
    const node = this.manager.client.getNode(host.id)
    await until('nobody else has changed the node meanwhile', async () => {
      const { Version, Spec } = await node.inspect()
      try {
        await node.update({ version: Version.Index, ...Spec, ...changes })
        return true
      } catch (error) {
        if (error instanceof Error && error.message.includes('update out of sequence')) return false
        throw error
      }
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.close()))
    Bun.spawnSync(['ip', 'link', 'delete', this.name])
    Bun.spawnSync(['ip', 'netns', 'delete', this.name])
  }
}

/** One byte of an address for a network card. */
const twoDigits = (decimal: string): string => Number(decimal).toString(16).padStart(2, '0')

/** Makes a switch, and connects this machine to it. Returns the first three parts of its addresses. */
function plugIn(name: string): string {
  for (let third = 1; third < 200; third++) {
    const prefix = `${NETWORK}.${third}`
    const routes = Bun.spawnSync([
      'ip',
      '-4',
      'route',
      'show',
      'to',
      'match',
      `${prefix}.1`,
    ]).stdout.toString()
    if (routes.split('\n').some((line) => line !== '' && !line.startsWith('default'))) continue
    run(['ip', 'netns', 'add', name])
    run(['ip', '-n', name, 'link', 'add', 'br0', 'type', 'bridge'])
    run(['ip', '-n', name, 'link', 'set', 'br0', 'up'])
    run(['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', name])
    run(['ip', '-n', name, 'link', 'set', 'uplink', 'master', 'br0', 'up'])
    run(['ip', 'addr', 'add', `${prefix}.254/24`, 'dev', name])
    run(['ip', 'link', 'set', name, 'up'])
    return prefix
  }
  throw new Error('None of the networks for a swarm of the tests is free here.')
}

function run(command: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([...command])
  if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${stderr.toString()}`)
}
