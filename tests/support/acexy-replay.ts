import { expect } from 'bun:test'
import { type EndedEvent, isEnded, isStarted, type Recorded, type Session } from './acexy-recorded.ts'
import { decodeEngines, decodeProvisioned, decodeStatus, decodeStreams } from './acexy-wire.ts'
import { ExpectedBooks } from './expected-books.ts'
import { Rig } from './rig.ts'

const API_KEY = 'a key'
const PORT_BEFORE_FIRST = 40_000
/** The ports of the recordings. Their engines answer no probes, and must not be taken for failed ones. */
const RECORDED = { PORT_RANGE_HOST: '40001-40099', STARTUP_TIMEOUT_S: '3600' }

/** The recorder's name for the container of its engine number N. */
const RECORDED_CONTAINER = /^e0+(\d+)$/

/** Lets the application answer a recorded session, and compares the answers and the books with what acexy needs. */
export class Replay {
  readonly #books = new ExpectedBooks()
  readonly #containerByPort = new Map<number, string>()
  readonly #rig: Rig
  #atMs = 0

  private constructor(private readonly session: Session) {
    // A recording without any key was made with an orchestrator without a key.
    const isKeyed = session.requests.some(({ authorization }) => authorization)
    this.#rig = new Rig({ ...RECORDED, ...(isKeyed ? { API_KEY } : {}) })
  }

  /**
   * Runs one session with the times of the recording. Returns the streams that are known at the end, oldest first, each as
   * its status with its end reason. Throws with scenario, time and request at the first error.
   */
  static async run(session: Session): Promise<string[]> {
    const replay = new Replay(session)
    try {
      return await replay.#run()
    } finally {
      await replay.#rig.dispose()
    }
  }

  async #run(): Promise<string[]> {
    await this.#rig.start()
    for (let number = 1; number <= this.session.engines; number++) {
      await this.#provision({ host_port: PORT_BEFORE_FIRST + number })
    }
    for (const request of this.session.requests) await this.#step(request)
    const { scenario, leftStarted } = this.session
    expect({ scenario, left: this.#books.started() }).toEqual({ scenario, left: [...leftStarted] })
    const streams = await this.#rig.json<{ status: string; end_reason: string | null }[]>('GET', '/streams')
    return streams.map(({ status, end_reason }) => `${status} ${end_reason ?? ''}`.trim())
  }

  async #step(request: Recorded): Promise<void> {
    const { scenario, t, method, path } = request
    // Two requests of the same millisecond may be in the order of their answers.
    await this.#rig.clock.advance(Math.max(0, t - this.#atMs))
    this.#atMs = Math.max(t, this.#atMs)
    try {
      await this.#answer(request)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`${scenario} at ${t} ms, ${method} ${path}: ${why}`, { cause })
    }
  }

  async #answer(request: Recorded): Promise<void> {
    const { body, path } = request
    if (path.endsWith('/orchestrator/status')) {
      expect(decodeStatus(await this.#send(request)).provisioning.can_provision).toBe(true)
    } else if (path.endsWith('/engines')) {
      this.#checkEngines(await this.#send(request))
    } else if (path.endsWith('/streams')) {
      this.#checkStreams(request, await this.#send(request))
    } else if (path.endsWith('/provision/acestream')) {
      await this.#provision(body ?? {})
    } else if (isStarted(body)) {
      await this.#send(request)
      this.#books.start(body)
      await this.#checkBooks()
    } else if (isEnded(body)) {
      this.#checkEnd(body, await this.#send(request))
      await this.#checkBooks()
    } else {
      throw new Error('a request of a kind that no version sends')
    }
  }

  /** Returns the text of the answer. Throws unless the status is 200. */
  async #send({ method, path, query, authorization, body }: Recorded): Promise<string> {
    const search = query === undefined ? '' : `?${new URLSearchParams(this.#ours(query))}`
    const headers = {
      ...(authorization ? { authorization: `Bearer ${API_KEY}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const response = await this.#rig.request(method, `${path}${search}`, body, { headers })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${response.status} ${text}`)
    return text
  }

  /** The query with our container's id in place of the recorder's. */
  #ours(query: Readonly<Record<string, string>>): Record<string, string> {
    const port = portOf(query)
    return { ...query, container_id: this.#containerByPort.get(port) ?? '' }
  }

  async #provision(body: object): Promise<void> {
    const response = await this.#rig.provision({ headers: { authorization: `Bearer ${API_KEY}` } }, body)
    const text = await response.text()
    expect(`${response.status} ${text}`).toStartWith('200 ')
    const { container_id, host_http_port } = decodeProvisioned(text)
    this.#containerByPort.set(host_http_port, container_id)
    this.#checkEngines(await this.#get('/engines'))
  }

  #checkEngines(text: string): void {
    const engines = decodeEngines(text)
    expect(engines.map(({ container_id }) => container_id).toSorted()).toEqual(
      [...this.#containerByPort.values()].toSorted(),
    )
    for (const { port, streams } of engines) {
      expect(streams.toSorted()).toEqual(this.#books.startedAt(port))
    }
  }

  #checkStreams({ query = {} }: Recorded, text: string): void {
    const ids = decodeStreams(text).map(({ id }) => id)
    expect(ids.toSorted()).toEqual(this.#books.startedAt(portOf(query)))
  }

  #checkEnd(event: EndedEvent, text: string): void {
    const { updated, stream }: { updated: boolean; stream: { id: string } | null } = JSON.parse(text)
    const wasStarted = this.#books.end(event)
    expect({ updated, id: stream?.id ?? null }).toEqual({
      updated: wasStarted,
      id: wasStarted ? event.stream_id : null,
    })
  }

  async #checkBooks(): Promise<void> {
    const started = decodeStreams(await this.#get('/streams?status=started'))
    expect(started.map(({ id }) => id).toSorted()).toEqual(this.#books.started())
    this.#checkEngines(await this.#get('/engines'))
  }

  async #get(path: string): Promise<string> {
    return (await this.#rig.request('GET', path)).text()
  }
}

/** The port of the engine that a query asks for. */
function portOf({ container_id = '' }: Readonly<Record<string, string>>): number {
  return PORT_BEFORE_FIRST + Number(RECORDED_CONTAINER.exec(container_id)?.[1])
}
