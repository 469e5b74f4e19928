import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Dockerode from 'dockerode'
import { connectTestDocker, type TestDocker, until } from './docker.ts'
import { buildEngineImage } from './engine-image.ts'

/**
 * Where the data goes: beside the data of other Docker Engines, because not every file system (such as a container's own)
 * can hold image layers.
 */
const DATA_PARENT = process.env.ROUNDHOUSE_DOCKERD_DIR ?? '/var/lib/roundhouse-docker'
const RUN_PARENT = process.env.ROUNDHOUSE_DOCKERD_RUN ?? '/run/roundhouse'

/** The daemon changes neither the packet filter nor the sysctls of the host. Its proxy serves published ports. */
const FLAGS = ['--iptables=false', '--ip-forward=false', '--ip-masq=false']

const UP_WITHIN_MS = 60_000
/** The daemon's containers get ten seconds each before they are killed. */
const DOWN_WITHIN_MS = 40_000

/**
 * A Docker Engine of the test's own, with data, socket, bridge and containerd namespaces of its own. A test may stop and
 * freeze it without harm to others. `close` ends it and leaves nothing behind.
 */
export class OwnDockerd {
  readonly dockerHost: string
  readonly #client: Dockerode
  #process: Bun.Subprocess | null = null

  private constructor(
    private readonly name: string,
    private readonly folders: { readonly data: string; readonly run: string },
  ) {
    const socketPath = join(folders.run, 'docker.sock')
    this.dockerHost = `unix://${socketPath}`
    this.#client = new Dockerode({ socketPath })
  }

  /** Makes a bridge and folders, and starts the daemon. Throws with a sentence for people if that is not possible. */
  static async open(flags: readonly string[] = []): Promise<OwnDockerd> {
    const missing = ['dockerd', 'ip'].filter((program) => Bun.which(program) === null)
    if (process.getuid?.() !== 0 || missing.length > 0) {
      const why = missing.length > 0 ? `this machine has no ${missing.join(' and no ')}` : 'it takes root'
      throw new Error(`These tests start a Docker Engine of their own, which can't be done here: ${why}.`)
    }
    // Linux allows 15 characters for the name of a bridge.
    const name = `rhown${process.pid.toString(36)}${Math.floor(Math.random() * 36 ** 3).toString(36)}`
    const dockerd = new OwnDockerd(name, { data: `${DATA_PARENT}-${name}`, run: `${RUN_PARENT}-${name}` })
    try {
      for (const folder of Object.values(dockerd.folders)) mkdirSync(folder, { recursive: true })
      createBridge(name)
      await dockerd.start(flags)
    } catch (error) {
      await dockerd.close()
      throw error
    }
    return dockerd
  }

  /** Connects the tests to the daemon, and loads the image of the engine emulator into it. */
  async docker(): Promise<{ readonly docker: TestDocker; readonly image: string }> {
    const image = await buildEngineImage()
    const docker = await connectTestDocker(this.dockerHost)
    const archive = await new Dockerode().getImage(image).get()
    const loaded = await docker.client.loadImage(archive)
    await Array.fromAsync(loaded)
    await docker.client.getImage(image).inspect()
    return { docker, image }
  }

  /** Starts the daemon and resolves at its first good answer. Returns how many milliseconds that took. */
  async start(flags: readonly string[] = []): Promise<number> {
    const { data, run } = this.folders
    const beganMs = performance.now()
    const log = openSync(this.#logPath, 'a')
    const child = Bun.spawn(
      [
        'dockerd',
        ...['--data-root', data, '--exec-root', join(run, 'exec'), '--pidfile', join(run, 'dockerd.pid')],
        // The daemon gets its own containerd namespaces, because it uses the system's containerd if one runs, which may have
        // other containers.
        ...['--containerd-namespace', this.name, '--containerd-plugins-namespace', `${this.name}-plugins`],
        ...['--host', this.dockerHost, '--bridge', this.name, ...FLAGS, ...flags],
      ],
      { stdin: 'ignore', stdout: log, stderr: log },
    )
    closeSync(log)
    this.#process = child
    await until(
      'the Docker Engine of the test answers',
      () => {
        if (child.exitCode !== null)
          throw new Error(`dockerd ended with ${child.exitCode}:\n${this.#lastLog()}`)
        return this.answers()
      },
      UP_WITHIN_MS,
    )
    return performance.now() - beganMs
  }

  /** Whether the daemon answers on a new connection. A daemon that shuts down still answers on its old connections. */
  async answers(): Promise<boolean> {
    const unix = this.dockerHost.slice('unix://'.length)
    const signal = AbortSignal.timeout(1_000)
    const answer = await fetch('http://docker/_ping', { unix, keepalive: false, signal }).catch(() => null)
    return answer?.ok ?? false
  }

  /**
   * Asks the daemon to end (SIGTERM) and resolves when it has ended. Its containers end with it, unless it runs with
   * live-restore.
   */
  async stop(): Promise<void> {
    const child = this.#process
    if (child === null) return
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    const patience = setTimeout(() => child.kill('SIGKILL'), DOWN_WITHIN_MS)
    await child.exited
    clearTimeout(patience)
    this.#process = null
  }

  /** Stops all answers until `thaw`. The kernel still accepts connections. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Makes sure that the daemon runs and answers, even after a test that failed. */
  async restore(): Promise<void> {
    this.thaw()
    if (this.#process === null) await this.start()
  }

  /** Ends the daemon and its containers, and removes everything that it left. */
  async close(): Promise<void> {
    this.thaw()
    await this.#removeContainers()
    await this.stop()
    Bun.spawnSync(['ip', 'link', 'delete', this.name])
    for (const folder of Object.values(this.folders)) {
      for (const mounted of mountsAt(folder)) Bun.spawnSync(['umount', '-l', mounted])
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /**
   * With `--live-restore` the containers would outlive the daemon. Failed removals are ignored, because the data is removed
   * afterwards.
   */
  async #removeContainers(): Promise<void> {
    if (this.#process === null || !(await this.answers())) return
    const containers = await this.#client.listContainers({ all: true })
    const removals = containers.map(({ Id }) =>
      this.#client.getContainer(Id).remove({ force: true, v: true }),
    )
    await Promise.allSettled(removals)
  }

  get #logPath(): string {
    return join(this.folders.run, 'dockerd.log')
  }

  #lastLog(): string {
    if (!existsSync(this.#logPath)) return ''
    return readFileSync(this.#logPath, 'utf8').split('\n').slice(-15).join('\n')
  }
}

/** Makes a folder that nobody can remove, not even root, until it is released. */
export function holdFolder(folder: string): { release: () => void } {
  run(['chattr', '+i', folder])
  return { release: () => run(['chattr', '-i', folder]) }
}

/** Makes a bridge in a network that has no route yet. */
function createBridge(name: string): void {
  for (let third = 100; third < 200; third++) {
    const address = `10.219.${third}.1`
    const routes = Bun.spawnSync(['ip', '-4', 'route', 'show', 'to', 'match', address]).stdout.toString()
    if (routes.split('\n').some((line) => line !== '' && !line.startsWith('default'))) continue
    // Otherwise it takes the lowest address of its ports, and when that one goes, the others stand still for a while.
    run(['ip', 'link', 'add', name, 'address', `02:42:0a:db:${third.toString(16)}:01`, 'type', 'bridge'])
    run(['ip', 'addr', 'add', `${address}/24`, 'dev', name])
    run(['ip', 'link', 'set', name, 'up'])
    return
  }
  throw new Error('None of the networks for a Docker Engine of the tests is free here.')
}

function run(command: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([...command])
  if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${stderr.toString()}`)
}

/** Lists the mounts at the folder itself (the daemon mounts it on itself) and below it, the deepest first. */
const mountsAt = (folder: string): string[] =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((path) => path === folder || path.startsWith(`${folder}/`))
    .toSorted()
    .toReversed()
