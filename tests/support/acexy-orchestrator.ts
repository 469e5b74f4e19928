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
  /** Put before every path, without any change. */
  readonly url: string
  readonly apiKey: string | null
  /** acexy's own container, which acexy names in events if its setting names it. */
  readonly containerId: string | null
  /** Receives, in one sentence, what acexy would only log. */
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

/** The outcome of a provision. A null refusal means a failure that acexy does not understand. */
export type ProvisionOutcome =
  | { readonly engine: AcexyProvisioned }
  | { readonly engine: null; readonly refusal: AcexyRefusal | null }

const TIMEOUT_MS = 3_000
const ENGINES_FRESH_MS = 2_000

/** acexy's side of the orchestrator's API: what it sends, when it gives up, and how it decodes. */
export class AcexyOrchestrator {
  #engines: { readonly list: readonly AcexyEngine[]; readonly atMs: number } | null = null

  constructor(
    private readonly transport: Transport,
    private readonly access: OrchestratorAccess,
  ) {}

  /** Asks for the status without a key and decodes the answer whatever its HTTP status. Null if that fails. */
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

  /** Returns the listed engines, at most 2 s old. Null if they are not available. */
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

  /** Counts the started streams of an engine. Null if the count is not available; acexy then skips the engine. */
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

  /** Asks once for an engine. acexy treats a timeout, a broken connection and an unexpected answer in the same way. */
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

  /** Reports a start. As in `ended`, a failure is logged, and the report is not repeated. */
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
