import { type Answer, exchange, type Transport } from './acexy-http.ts'
import {
  type AcexyEngine,
  type AcexyProvisioned,
  type AcexyRefusal,
  type AcexyStatus,
  decodeEngines,
  decodeProvisioned,
  decodeRefusal,
  decodeStatus,
  decodeStreams,
} from './acexy-wire.ts'

export interface OrchestratorAccess {
  /** Put before every path as it is. */
  readonly url: string
  readonly apiKey: string | null
  /** acexy's own container, which it names in events when it was told of it. */
  readonly containerId: string | null
  /** Told, in one sentence, what acexy would only log. */
  readonly onTrouble: (what: string) => void
}

/** A stream that acexy reports. */
export interface ReportedStream {
  readonly id: string
  readonly keyType: 'content_id' | 'infohash'
  readonly key: string
  readonly playbackId: string
  readonly statUrl: string
  readonly commandUrl: string
  readonly host: string
  readonly port: number
}

/** A provision's outcome; no refusal stands for a failure that acexy does not understand. */
export type ProvisionOutcome =
  | { readonly engine: AcexyProvisioned }
  | { readonly engine: null; readonly refusal: AcexyRefusal | null }

const TIMEOUT_MS = 3_000
const ENGINES_FRESH_MS = 2_000

/** acexy's end of the orchestrator's API: what it sends, when it gives up, and how it decodes. */
export class AcexyOrchestrator {
  #engines: { readonly list: readonly AcexyEngine[]; readonly atMs: number } | null = null

  constructor(
    private readonly transport: Transport,
    private readonly access: OrchestratorAccess,
  ) {}

  /** The status, asked without a key and decoded whatever its HTTP status; null when that fails. */
  async status(): Promise<AcexyStatus | null> {
    try {
      const { text } = await exchange(this.transport, {
        method: 'GET',
        url: `${this.access.url}/orchestrator/status`,
        timeoutMs: TIMEOUT_MS,
      })
      return decodeStatus(text)
    } catch (error) {
      this.#trouble('the status was not understood', error)
      return null
    }
  }

  /** The listed engines, at most 2 s old; null when they could not be had. */
  async engines(): Promise<readonly AcexyEngine[] | null> {
    const now = this.transport.clock.now()
    if (this.#engines !== null && now - this.#engines.atMs < ENGINES_FRESH_MS) return this.#engines.list
    try {
      const list = decodeEngines(bodyOf200(await this.#get('/engines')))
      this.#engines = { list, atMs: this.transport.clock.now() }
      return list
    } catch (error) {
      this.#trouble('the engines were not understood', error)
      return null
    }
  }

  /** How many streams of an engine are started; null when that could not be had, and the engine is passed over then. */
  async activeStreams(containerId: string): Promise<number | null> {
    try {
      const query = new URLSearchParams({ container_id: containerId, status: 'started' })
      const streams = decodeStreams(bodyOf200(await this.#get(`/streams?${query}`)))
      return streams.filter(({ status }) => status === 'started').length
    } catch (error) {
      this.#trouble(`the streams of ${containerId} were not understood`, error)
      return null
    }
  }

  /** Asks once for an engine; a time-out, a broken connection and a strange answer are all the same to acexy. */
  async provision(): Promise<ProvisionOutcome> {
    try {
      const { status, text } = await this.#post('/provision/acestream', { labels: {}, env: {} })
      if (status === 200) return { engine: decodeProvisioned(text) }
      return { engine: null, refusal: decodeRefusal(text) }
    } catch (error) {
      this.#trouble('a provision failed', error)
      return { engine: null, refusal: null }
    }
  }

  /** Reports a start. A failure is logged and the report not repeated, here and at the end. */
  async started(stream: ReportedStream): Promise<void> {
    const { id, keyType, key, playbackId, statUrl, commandUrl, host, port } = stream
    await this.#report('/events/stream_started', {
      engine: { host, port },
      stream: { key_type: keyType, key },
      session: { playback_session_id: playbackId, stat_url: statUrl, command_url: commandUrl, is_live: 1 },
      labels: { stream_id: id },
    })
  }

  /** Reports an end. */
  async ended(streamId: string, reason: string): Promise<void> {
    await this.#report('/events/stream_ended', { stream_id: streamId, reason })
  }

  async #report(path: string, event: object): Promise<void> {
    const { containerId } = this.access
    try {
      const own = containerId === null ? {} : { container_id: containerId }
      const { status, text } = await this.#post(path, { ...own, ...event })
      if (status < 200 || status > 299) throw new Error(`${status} ${text}`)
    } catch (error) {
      this.#trouble(`${path} was not taken`, error)
    }
  }

  #get(path: string): Promise<Answer> {
    return exchange(this.transport, {
      method: 'GET',
      url: `${this.access.url}${path}`,
      headers: this.#key(),
      timeoutMs: TIMEOUT_MS,
    })
  }

  #post(path: string, body: object): Promise<Answer> {
    const headers = { ...this.#key(), 'content-type': 'application/json' }
    return exchange(this.transport, {
      method: 'POST',
      url: `${this.access.url}${path}`,
      headers,
      body,
      timeoutMs: TIMEOUT_MS,
    })
  }

  #key(): Record<string, string> {
    const { apiKey } = this.access
    return apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }
  }

  #trouble(what: string, error: unknown): void {
    this.access.onTrouble(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function bodyOf200({ status, text }: Answer): string {
  if (status !== 200) throw new Error(`${status} ${text}`)
  return text
}
