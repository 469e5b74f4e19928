import { type Content, openPlayback, stopSession } from './acexy-engine.ts'
import type { Transport } from './acexy-http.ts'
import type { AcexyOrchestrator } from './acexy-orchestrator.ts'
import type { AcexyProvisioned, AcexySession } from './acexy-wire.ts'

/** The engine that a viewer is sent to. */
export interface Route {
  readonly host: string
  readonly port: number
  /** Null for acexy's fallback engine. */
  readonly containerId: string | null
  /** The engine that was provisioned for this viewer; null if an existing engine had room. */
  readonly provisioned: AcexyProvisioned | null
}

interface Viewed {
  readonly streamId: string
  readonly content: Content
  readonly route: Route
  readonly session: AcexySession
}

const EMPTY_TIMEOUT_MS = 10_000

/** One viewer whose stream was reported as started. It ends once: when the viewer leaves, or when no more bytes come. */
export class Viewing {
  readonly #left = new AbortController()
  #chunks: AsyncIterator<Uint8Array> | null = null
  #rest: Uint8Array = new Uint8Array()
  #end: Promise<void> | null = null

  constructor(
    readonly viewed: Viewed,
    private readonly deps: {
      readonly transport: Transport
      readonly orchestrator: AcexyOrchestrator
      readonly onTrouble: (what: string) => void
    },
  ) {}

  /** Asks the engine for the bytes. If the engine gives none, the viewer's answer is empty. */
  async open(): Promise<void> {
    const body = await openPlayback(this.deps.transport, this.viewed.session, this.#left.signal)
    this.#chunks = body?.[Symbol.asyncIterator]() ?? null
    if (this.#chunks === null) await this.#finish('eof')
  }

  /** Returns the next `bytes` bytes; fewer if the stream ended or gave nothing for 10 s. */
  async read(bytes: number): Promise<Uint8Array> {
    const chunks = [this.#rest]
    let length = this.#rest.length
    while (length < bytes) {
      const chunk = await this.#next()
      if (chunk === null) break
      chunks.push(chunk)
      length += chunk.length
    }
    const all = Buffer.concat(chunks)
    this.#rest = all.subarray(bytes)
    return all.subarray(0, bytes)
  }

  /**
   * Makes the viewer leave. Resolves when the orchestrator has received the report and the engine has stopped the session.
   */
  async leave(): Promise<void> {
    await this.#finish('client_disconnected')
  }

  async #next(): Promise<Uint8Array | null> {
    if (this.#chunks === null || this.#end !== null) return null
    const { clock } = this.deps.transport
    const cancel = clock.after(EMPTY_TIMEOUT_MS, () => void this.#finish('empty_timeout'))
    try {
      const { done, value } = await this.#chunks.next()
      if (done !== true) return value
    } catch {
      // The connection broke, or this client closed it.
    } finally {
      cancel()
    }
    await this.#finish('eof')
    return null
  }

  /** Reports the end to the orchestrator before it stops the session at the engine, as acexy does since 2025-12-20. */
  #finish(reason: string): Promise<void> {
    this.#end ??= this.#tellAll(reason)
    return this.#end
  }

  async #tellAll(reason: string): Promise<void> {
    const { transport, orchestrator, onTrouble } = this.deps
    this.#left.abort()
    await orchestrator.ended(this.viewed.streamId, reason)
    const error = await stopSession(transport, this.viewed.session)
    if (error !== null) onTrouble(`the engine did not stop the session: ${error}`)
  }
}
