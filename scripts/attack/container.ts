import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestDocker } from '../../tests/support/docker.ts'
import { until } from '../../tests/support/docker.ts'
import { buildFinished } from '../../tests/support/emulator-image.ts'

const ROOT = join(import.meta.dir, '../..')
const IMAGE = 'roundhouse:attack'
const MEMORY_BYTES = 256 * 1024 * 1024
const READY_WITHIN_MS = 60_000

/** Makes the image out of dist/rootfs, which `bun run build --rootfs` writes. */
export async function buildImage({ client }: TestDocker): Promise<void> {
  // Only Docker's own command sends a Dockerfile that .dockerignore leaves out, so it is sent from another folder.
  const folder = await mkdtemp(join(tmpdir(), 'roundhouse-attack-image-'))
  try {
    for (const part of ['Dockerfile', 'dist/rootfs'])
      await cp(join(ROOT, part), join(folder, part), { recursive: true })
    const context = { context: folder, src: ['Dockerfile', 'dist/rootfs'] }
    const stream = await client.buildImage(context, { t: IMAGE, target: 'prebuilt' })
    await buildFinished(client, stream, IMAGE)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** How the orchestrator's container is run. */
export interface ContainerOptions {
  readonly docker: TestDocker
  readonly port: number
  /** Where the state is, on this machine. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

/** One start of the container; nothing starts it again. */
export interface Life {
  readonly id: string
  readonly pid: number
  /** Its limit of file descriptors; without it Docker's own. */
  readonly descriptors: number | undefined
}

/** The orchestrator in a container of 256 MB, in the network of this machine. */
export class OrchestratorContainer {
  #life: Life | null = null

  constructor(private readonly options: ContainerOptions) {}

  /** What runs; throws where nothing was started. */
  get life(): Life {
    if (this.#life === null) throw new Error('the container was not started')
    return this.#life
  }

  /** Ends the one that runs, if any, and starts another on the same state. Resolves when it is ready. */
  async start(descriptors?: number): Promise<void> {
    await this.end()
    const { docker, port, folder, env } = this.options
    const container = await docker.client.createContainer({
      Image: IMAGE,
      Labels: { [docker.label.key]: docker.label.value },
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      HostConfig: {
        NetworkMode: 'host',
        Binds: [`${socketOf(docker)}:/var/run/docker.sock`, `${folder}:/data`],
        Memory: MEMORY_BYTES,
        MemorySwap: MEMORY_BYTES,
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '1' } },
        ...(descriptors === undefined
          ? {}
          : { Ulimits: [{ Name: 'nofile', Soft: descriptors, Hard: descriptors }] }),
      },
    })
    await container.start()
    const { State } = await container.inspect()
    this.#life = { id: container.id, pid: State.Pid, descriptors }
    await until('the orchestrator is ready', () => this.#isReady(port), READY_WITHIN_MS)
  }

  /** Ends the container as `docker stop` does, and removes it. */
  async end(): Promise<void> {
    if (this.#life === null) return
    const container = this.options.docker.client.getContainer(this.#life.id)
    this.#life = null
    // 304: it has ended already.
    await container.stop({ t: 5 }).catch(() => undefined)
    await container.remove({ force: true, v: true })
  }

  /** Why the process of the last start does not run any more; null while it does. */
  async death(): Promise<string | null> {
    const { id, pid } = this.life
    const { State, RestartCount } = await this.options.docker.client.getContainer(id).inspect()
    if (State.Running && State.Pid === pid && RestartCount === 0) return null
    const why = State.OOMKilled ? 'killed for its memory' : `ended with ${State.ExitCode}`
    return `the process was ${why}`
  }

  /** Bytes that the container uses, but for what its files take of the cache and could be given back. */
  async memoryBytes(): Promise<number> {
    const container = this.options.docker.client.getContainer(this.life.id)
    const { memory_stats: memory } = await container.stats({ stream: false, 'one-shot': true })
    // By cgroup version 1 and 2.
    const { total_inactive_file: one, inactive_file: two = 0 } = memory.stats ?? {}
    return (memory.usage ?? 0) - (one ?? two)
  }

  /** The last lines of its log. */
  async lastWords(lines: number): Promise<string> {
    const container = this.options.docker.client.getContainer(this.life.id)
    return [...pieces(await container.logs({ stdout: true, stderr: true, tail: lines }))].join('')
  }

  async #isReady(port: number): Promise<boolean> {
    const death = await this.death()
    if (death !== null) throw new Error(`${death}\n${await this.lastWords(20)}`)
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { keepalive: false }).catch(() => null)
    return answer?.status === 200
  }
}

/** What a container wrote, out of Docker's frames: a head of eight bytes, the last four of them the length, before each piece. */
function* pieces(frames: Buffer): Generator<string> {
  for (let at = 0; at + 8 <= frames.length; at += 8 + frames.readUInt32BE(at + 4)) {
    yield frames.toString('utf8', at + 8, at + 8 + frames.readUInt32BE(at + 4))
  }
}

function socketOf({ dockerHost }: TestDocker): string {
  if (dockerHost === null) return '/var/run/docker.sock'
  if (!dockerHost.startsWith('unix://'))
    throw new Error(`DOCKER_HOST=${dockerHost} is no socket of this machine`)
  return dockerHost.slice('unix://'.length)
}
