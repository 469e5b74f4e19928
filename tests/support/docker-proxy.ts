import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseDockerHost } from '../../src/runtime/docker-connection.ts'

/**
 * What the proxy lets through. `cut`: nothing, connections break at once. `forgetful`: everything but the answer to a
 * creation. `holding`: everything but starts of containers.
 */
type Mode = 'open' | 'frozen' | 'cut' | 'forgetful' | 'holding'

interface Link {
  readonly client: Socket
  readonly upstream: Socket
  /** What is held back, in order. */
  readonly held: (() => void)[]
  /** Whether it was asked for a log that goes on. */
  isFollowed: boolean
  /** Whether it was asked for events. */
  hasEvents: boolean
}

/** Matches a question for a log that goes on. */
const FOLLOW_REQUEST = /^GET \S*\/logs\?\S*\bfollow=1/

/** Matches a question for events. */
const EVENTS_REQUEST = /^GET \S*\/events\?/

/** Matches a start of a container. The head of a request arrives in one piece, because the client writes it in one piece. */
const START_REQUEST = /^POST \S*\/containers\/[^/ ]+\/start\b/

/** Matches the end of an answer that came in chunks. Its connection may be kept for other questions. */
const LAST_CHUNK = /0\r\n\r\n$/

/** Matches the answer to a creation. Docker answers no other call of the orchestrator with 201. */
const CREATED_ANSWER = /^HTTP\/1\.1 201 /

/** Makes a path for a socket where nothing listens yet, in a folder of its own. */
export const unusedSocketPath = (): string =>
  join(mkdtempSync(join(tmpdir(), 'roundhouse-test-')), 'docker.sock')

/**
 * A socket in front of the real Docker that a test can freeze and cut, like a daemon that hangs or restarts, without harm to
 * other users of the daemon. While it is frozen it keeps what it is sent, as the kernel does for a stopped process, and
 * passes it on at `resume` even if the sender has gone.
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

  /** Listens at `path` in front of the Docker of `upstreamHost` (null for the usual socket). */
  static async open(upstreamHost: string | null, path = unusedSocketPath()): Promise<DockerProxy> {
    const proxy = new DockerProxy(path, upstreamHost)
    proxy.#server.listen(path)
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** Still accepts connections, but passes nothing in either direction. */
  freeze(): void {
    this.#mode = 'frozen'
  }

  /** Lets Docker make the next container, and breaks the connection instead of passing on the answer. */
  loseNextCreation(): void {
    this.#mode = 'forgetful'
  }

  /** From now on, holds starts back and nothing else. */
  holdStarts(): void {
    this.#mode = 'holding'
  }

  /** Counts the requests that are held back now. */
  held(): number {
    return [...this.#links].reduce((sum, { held }) => sum + held.length, 0)
  }

  /** Counts the connections on which a log is followed now. */
  following(): number {
    return [...this.#links].filter(({ isFollowed, client }) => isFollowed && !client.destroyed).length
  }

  /** Breaks all connections, and every new one, until `resume`. */
  cut(): void {
    this.#mode = 'cut'
    for (const link of this.#links) destroy(link)
  }

  /** Ends the event streams, as a proxy does that bounds how long an answer lasts. Returns how many there were. */
  cutEvents(): number {
    const streams = this.#eventStreams()
    for (const link of streams) destroy(link)
    return streams.length
  }

  /** Whether somebody follows the events now. */
  followsEvents(): boolean {
    return this.#eventStreams().length > 0
  }

  #eventStreams(): readonly Link[] {
    return [...this.#links].filter(({ hasEvents, client }) => hasEvents && !client.destroyed)
  }

  /** Lets everything pass again, beginning with what was held back. */
  resume(): void {
    this.#mode = 'open'
    for (const link of this.#links) for (const pass of link.held.splice(0)) pass()
  }

  /** Ends the proxy and removes its socket's folder. */
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
    const link: Link = {
      client,
      upstream: connectTo(this.upstreamHost),
      held: [],
      isFollowed: false,
      hasEvents: false,
    }
    const { upstream } = link
    this.#links.add(link)
    // There is no back-pressure, because little data passes here.
    client.on('data', (bytes) => this.#question(link, bytes))
    upstream.on('data', (bytes) => this.#answer(link, bytes))
    client.on('close', () => this.#pass(link, () => upstream.end()))
    upstream.on('close', () =>
      this.#pass(link, () => {
        client.end()
        this.#links.delete(link)
      }),
    )
    // Either side may reset its connection. The `close` that follows handles it.
    client.on('error', () => undefined)
    upstream.on('error', () => undefined)
  }

  #question(link: Link, bytes: Buffer | string): void {
    const pass = () => link.upstream.write(bytes)
    link.isFollowed = FOLLOW_REQUEST.test(String(bytes))
    link.hasEvents ||= EVENTS_REQUEST.test(String(bytes))
    if (this.#mode === 'holding' && START_REQUEST.test(String(bytes))) link.held.push(pass)
    else this.#pass(link, pass)
  }

  #answer(link: Link, bytes: Buffer | string): void {
    if (LAST_CHUNK.test(String(bytes.slice(-8)))) link.isFollowed = false
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
