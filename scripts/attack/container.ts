import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestDocker } from '../../tests/support/docker.ts'
import { until } from '../../tests/support/docker.ts'
import { buildFinished } from '../../tests/support/emulator-image.ts'
import { socketOf } from '../../tests/support/roundhouse-image.ts'

const ROOT = join(import.meta.dir, '../..')
const IMAGE = 'roundhouse:attack'
const MEMORY_BYTES = 256 * 1024 * 1024
const READY_WITHIN_MS = 60_000

/** Builds the image from dist/rootfs, which `bun run build` writes. */
export async function buildImage({ client }: TestDocker): Promise<void> {
  // Only Docker's own command sends a Dockerfile that .dockerignore excludes, so the build uses a copy in another folder.
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

/** How to run the orchestrator's container. */
export interface ContainerOptions {
  readonly docker: TestDocker
  readonly port: number
  /** The folder on this machine that holds the state. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

/** One start of the container. No restart policy starts it again. */
export interface Life {
  readonly id: string
  readonly pid: number
  /** The container's limit of file descriptors; if missing, Docker's default. */
  readonly descriptors: number | undefined
}

/** Runs the orchestrator in a container of 256 MB, in the network of this machine. */
export class OrchestratorContainer {
  #life: Life | null = null

  constructor(private readonly options: ContainerOptions) {}

  /** The current start. Throws if the container was not started. */
  get life(): Life {
    if (this.#life === null) throw new Error('the container was not started')
    return this.#life
  }

  /** Ends the container if it runs, and starts another one on the same state. Resolves when the orchestrator is ready. */
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
    // An error such as 304 is ignored: the container has already ended.
    await container.stop({ t: 5 }).catch(() => undefined)
    await container.remove({ force: true, v: true })
  }

  /** Says why the process of the last start does not run any more; null while it runs. */
  async death(): Promise<string | null> {
    const { id, pid } = this.life
    const { State, RestartCount } = await this.options.docker.client.getContainer(id).inspect()
    if (State.Running && State.Pid === pid && RestartCount === 0) return null
    const why = State.OOMKilled ? 'killed for its memory' : `ended with ${State.ExitCode}`
    return `the process was ${why}`
  }

  /** How many bytes the container uses, without the file cache that could be freed. */
  async memoryBytes(): Promise<number> {
    const container = this.options.docker.client.getContainer(this.life.id)
    const { memory_stats: memory } = await container.stats({ stream: false, 'one-shot': true })
    // The names in cgroup version 1 and 2.
    const { total_inactive_file: one, inactive_file: two = 0 } = memory.stats ?? {}
    return (memory.usage ?? 0) - (one ?? two)
  }

  /** Returns the last lines of the container's log. */
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

/**
 * Takes a container's output out of Docker's frames. Each piece has a header of eight bytes; the last four are its length.
 */
function* pieces(frames: Buffer): Generator<string> {
  for (let at = 0; at + 8 <= frames.length; at += 8 + frames.readUInt32BE(at + 4)) {
    yield frames.toString('utf8', at + 8, at + 8 + frames.readUInt32BE(at + 4))
  }
}
