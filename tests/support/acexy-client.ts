import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { type Content, openSession, playbackIdOf } from './acexy-engine.ts'
import type { Transport } from './acexy-http.ts'
import { AcexyOrchestrator } from './acexy-orchestrator.ts'
import { type Candidate, selectEngine } from './acexy-selection.ts'
import { type Route, Viewing } from './acexy-viewing.ts'
import type { AcexyProvisioned, AcexyRefusal, AcexyStatus } from './acexy-wire.ts'

export interface AcexyOptions {
  /** acexy's setting `ACEXY_ORCH_URL`. */
  readonly url: string
  readonly apiKey?: string
  readonly containerId?: string
  readonly maxStreamsPerEngine?: number
  /** acexy's settings `ACEXY_HOST` and `ACEXY_PORT`: the engine to use when the orchestrator cannot be asked. */
  readonly fallback?: { readonly host: string; readonly port: number }
  readonly clock?: Clock
  /** Sends every request, including those to engines; `fetch` by default. */
  readonly send?: Transport['send']
}

/** The answer to a viewer who gets no engine. */
export class ViewerRefused extends Error {
  override readonly name = 'ViewerRefused'

  /** `retryAfterSeconds` is 0 if acexy sends no `Retry-After`. */
  constructor(
    message: string,
    readonly retryAfterSeconds: number,
  ) {
    super(message)
  }
}

const STATUS_INTERVAL_MS = 30_000
const AFTER_PROVISION_MS = 5_000

/**
 * A model of acexy's newest version (7e82040), in what it sends and how it decodes: selection, provisioning with its waits,
 * events, and the calls to engines. It leaves out what no server can see, and acexy's shared host setting, which may give
 * one engine to two viewers at once.
 */
export class AcexyClient {
  /** What acexy would only log, in order. A test that expects no fault of the server expects an empty list. */
  readonly troubles: string[] = []
  readonly #transport: Transport
  readonly #orchestrator: AcexyOrchestrator
  #status: AcexyStatus | null = null
  #isStopped = false
  #cancelPoll: () => void = () => undefined

  constructor(private readonly options: AcexyOptions) {
    const { url, apiKey = null, containerId = null, clock = systemClock, send = fetch } = options
    const onTrouble = (what: string) => void this.troubles.push(what)
    this.#transport = { clock, send }
    this.#orchestrator = new AcexyOrchestrator(this.#transport, { url, apiKey, containerId, onTrouble })
  }

  /** Resolves when the first status is there. Before that, acexy would not provision anything. */
  async start(): Promise<void> {
    // If a poll fails, the last status stays.
    this.#status = (await this.#orchestrator.status()) ?? this.#status
    if (this.#isStopped) return
    this.#cancelPoll = this.#transport.clock.after(STATUS_INTERVAL_MS, () => void this.start())
  }

  stop(): void {
    this.#isStopped = true
    this.#cancelPoll()
  }

  /**
   * Gives a viewer a stream: chooses or provisions an engine, opens a session, reports the stream, and opens its playback.
   *
   * @throws {ViewerRefused} if no engine is available, and {EngineFailed} if the engine opens no session.
   */
  async watch(content: Content): Promise<Viewing> {
    const route = await this.select()
    const session = await openSession(this.#transport, route, content)
    const playbackId = playbackIdOf(session)
    const streamId = `${content.key}|${playbackId}`
    await this.#orchestrator.started({
      id: streamId,
      keyType: content.by === 'id' ? 'content_id' : 'infohash',
      key: content.key,
      playbackId,
      statUrl: session.stat_url,
      commandUrl: session.command_url,
      host: route.host,
      port: route.port,
    })
    const onTrouble = (what: string) => void this.troubles.push(what)
    const deps = { transport: this.#transport, orchestrator: this.#orchestrator, onTrouble }
    const viewing = new Viewing({ streamId, content, route, session }, deps)
    await viewing.open()
    return viewing
  }

  /** Chooses the engine for one more viewer. Waits for a provisioned engine as acexy does. @throws {ViewerRefused} */
  async select(): Promise<Route> {
    const engines = await this.#orchestrator.engines()
    if (engines === null) return this.#fallback()
    const candidates: Candidate[] = []
    for (const engine of engines) {
      const activeStreams = await this.#orchestrator.activeStreams(engine.container_id)
      if (activeStreams !== null) candidates.push({ engine, activeStreams })
    }
    const chosen = selectEngine(candidates, this.options.maxStreamsPerEngine ?? 1)
    if (chosen !== null) {
      const { host, port, container_id: containerId } = chosen
      return { host, port, containerId, provisioned: null }
    }
    this.#checkCanProvision()
    const provisioned = await this.provision()
    if (provisioned === null) return this.#fallback()
    await this.#waitUntilListed(provisioned)
    const { container_id: containerId, host_http_port: port } = provisioned
    return { host: 'localhost', port, containerId, provisioned }
  }

  /**
   * Asks for an engine up to three times, and waits as long as the refusals say. Null after three failures that acexy does
   * not understand.
   *
   * @throws {ViewerRefused} after a refusal that says not to wait, or after the third one that says to wait.
   */
  async provision(): Promise<AcexyProvisioned | null> {
    let last: AcexyRefusal | null = null
    for (const waitSeconds of [() => 0, halfEta, wholeEta]) {
      await this.#transport.clock.sleep(waitSeconds(last) * 1_000)
      const outcome = await this.#orchestrator.provision()
      if (outcome.engine !== null) return outcome.engine
      last = outcome.refusal
      if (last !== null && !last.should_wait) break
    }
    if (last === null) return null
    throw new ViewerRefused(`${last.code}: ${last.message}`, last.recovery_eta_seconds)
  }

  #checkCanProvision(): void {
    const { can_provision, blocked_reason, blocked_reason_details } = this.#status?.provisioning ?? BLIND
    if (can_provision) return
    if (blocked_reason_details?.should_wait) {
      const { code, message, recovery_eta_seconds } = blocked_reason_details
      throw new ViewerRefused(`${code}: ${message}`, recovery_eta_seconds)
    }
    throw new ViewerRefused(`cannot provision: ${blocked_reason}`, 0)
  }

  /** Looks once after 5 s. If the engine is not listed then, waits 5 s more and uses it anyway. */
  async #waitUntilListed({ container_id }: AcexyProvisioned): Promise<void> {
    const { clock } = this.#transport
    await clock.sleep(AFTER_PROVISION_MS)
    const engines = await this.#orchestrator.engines()
    if (engines?.some((engine) => engine.container_id === container_id)) return
    this.troubles.push(`the provisioned engine ${container_id} was not listed`)
    await clock.sleep(AFTER_PROVISION_MS)
  }

  #fallback(): Route {
    const { host, port } = this.options.fallback ?? { host: '127.0.0.1', port: 6878 }
    return { host, port, containerId: null, provisioned: null }
  }
}

/** Before the first status, acexy assumes that nothing can be provisioned. */
const BLIND: AcexyStatus['provisioning'] = {
  can_provision: false,
  blocked_reason: '',
  blocked_reason_details: null,
}

const wholeEta = (refusal: AcexyRefusal | null): number =>
  refusal?.should_wait ? refusal.recovery_eta_seconds : 0

/** Halves the wait, in whole seconds, as Go divides integers. */
const halfEta = (refusal: AcexyRefusal | null): number => Math.trunc(wholeEta(refusal) / 2)
