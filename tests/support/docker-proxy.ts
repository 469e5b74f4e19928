import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseDockerHost } from '../../src/runtime/docker-connection.ts'

/**
 * What is let through. `cut`: connections break at once. `forgetful`: all but the answer of a creation. `holding`: all but
 * the starts of containers.
 */
type Mode = 'open' | 'frozen' | 'cut' | 'forgetful' | 'holding'

interface Link {
  readonly client: Socket
  readonly upstream: Socket
  /** What the freeze keeps back, in its order. */
  readonly held: (() => void)[]
}

/** A request's head comes in one piece, as the client writes it in one. */
const START_REQUEST = /^POST \S*\/containers\/[^/ ]+\/start\b/

/** Of all that the orchestrator asks, a creation alone is answered with 201. */
const CREATED_ANSWER = /^HTTP\/1\.1 201 /

/** A path for a socket where nothing listens yet, in a folder of its own. */
export const unusedSocketPath = (): string =>
  join(mkdtempSync(join(tmpdir(), 'roundhouse-test-')), 'docker.sock')

/**
 * A socket in front of the real Docker that a test can freeze and cut, as a daemon that hangs or restarts
 * would look, without harm to others on the same daemon. A frozen one keeps what it is sent, as the kernel
 * does for a stopped process, and hands it on at the thaw even if the sender has gone.
 */
export class DockerProxy {
  readonly dockerHost: string
  readonly #server: Server
  readonly #links = new Set<Link>()
  #mode: Mode = 'open'

  private constructor(
    private readonly path: string,
    private readonly upstreamHost: string | null,
  ) {
    this.dockerHost = `unix://${path}`
    this.#server = createServer((client) => this.#accept(client))
  }

  /** Listens at `path` in front of the Docker of `upstreamHost` (null: the usual socket). */
  static async open(upstreamHost: string | null, path = unusedSocketPath()): Promise<DockerProxy> {
    const proxy = new DockerProxy(path, upstreamHost)
    proxy.#server.listen(path)
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** Connections are still taken, and nothing passes in either direction. */
  freeze(): void {
    this.#mode = 'frozen'
  }

  /**
   * Docker makes the next container that it is asked for, and the connection breaks instead of telling so.
   */
  loseNextCreation(): void {
    this.#mode = 'forgetful'
  }

  /** From now on starts wait; nothing else does. */
  holdStarts(): void {
    this.#mode = 'holding'
  }

  /** How many questions wait now. */
  held(): number {
    return [...this.#links].reduce((sum, { held }) => sum + held.length, 0)
  }

  /** Breaks all connections, and every new one, until `resume`. */
  cut(): void {
    this.#mode = 'cut'
    for (const link of this.#links) destroy(link)
  }

  /** Everything passes again, first what was held. */
  resume(): void {
    this.#mode = 'open'
    for (const link of this.#links) for (const pass of link.held.splice(0)) pass()
  }

  /** Ends it and removes its socket's folder. */
  stop(): void {
    this.#server.close()
    this.cut()
    rmSync(dirname(this.path), { recursive: true, force: true })
  }

  #accept(client: Socket): void {
    if (this.#mode === 'cut') {
      client.destroy()
      return
    }
    const link: Link = { client, upstream: connectTo(this.upstreamHost), held: [] }
    const { upstream } = link
    this.#links.add(link)
    // No back-pressure: what passes here is small.
    client.on('data', (bytes) => this.#question(link, bytes))
    upstream.on('data', (bytes) => this.#answer(link, bytes))
    client.on('close', () => this.#pass(link, () => upstream.end()))
    upstream.on('close', () =>
      this.#pass(link, () => {
        client.end()
        this.#links.delete(link)
      }),
    )
    // Either side may reset its connection, which the `close` that follows reports.
    client.on('error', () => undefined)
    upstream.on('error', () => undefined)
  }

  #question(link: Link, bytes: Buffer | string): void {
    const pass = () => link.upstream.write(bytes)
    if (this.#mode === 'holding' && START_REQUEST.test(String(bytes))) link.held.push(pass)
    else this.#pass(link, pass)
  }

  #answer(link: Link, bytes: Buffer | string): void {
    const isLost = this.#mode === 'forgetful' && CREATED_ANSWER.test(String(bytes.slice(0, 64)))
    if (isLost) {
      this.#mode = 'open'
      destroy(link)
    } else {
      this.#pass(link, () => link.client.write(bytes))
    }
  }

  #pass(link: Link, pass: () => void): void {
    if (this.#mode === 'frozen') link.held.push(pass)
    else pass()
  }
}

function connectTo(dockerHost: string | null): Socket {
  const address = parseDockerHost(dockerHost)
  return address.kind === 'unix' ? connect(address.path) : connect(address.port, address.host)
}

function destroy({ client, upstream }: Link): void {
  client.destroy()
  upstream.destroy()
}
