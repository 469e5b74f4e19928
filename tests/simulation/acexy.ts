import type { Clock } from '../../src/lib/clock.ts'
import { type Candidate, selectEngine } from '../support/acexy-selection.ts'
import {
  type AcexyEngine,
  type AcexyRefusal,
  type AcexyStatus,
  decodeEngines,
  decodeRefusal,
  decodeStatus,
} from '../support/acexy-wire.ts'
import type { ChoiceChecks } from './choice-checks.ts'
import type { Answer, Ask, Http } from './http.ts'
import type { Random } from './random.ts'
import type { Wait } from './wait-checks.ts'

/** An engine that a viewer is sent to. */
export interface Choice {
  readonly containerId: string
  readonly host: string
  readonly port: number
  /** Whether acexy chose the engine from a list or was given it by a POST. */
  readonly by: 'list' | 'post'
  /** `listed`: seen in a list that was read at `readMs`. `promised`: known only from a 200. */
  readonly how: 'listed' | 'promised'
  readonly readMs: number
}

/** Why a viewer gets no engine: the status said so, a POST said so, or acexy did not understand and uses its own engine. */
export interface TurnedAway {
  readonly by: 'status' | 'refusal' | 'fallback'
  /** The `Retry-After` of acexy's answer. */
  readonly retryAfterS: number | null
}

/** A viewer as acexy knows him. */
export interface Caller {
  readonly name: string
  readonly content: string
}

interface List {
  readonly rows: readonly AcexyEngine[]
  readonly readMs: number
}

export interface AcexyDeps {
  readonly clock: Clock
  readonly http: Pick<Http, 'ask'>
  readonly random: Random
  readonly choices: Pick<ChoiceChecks, 'saw' | 'chose'>
  /** How many streams acexy puts on one engine at most. */
  readonly perEngine: number
  /** The API key that was configured. With a wrong key or none, its events and its POSTs are refused. */
  readonly apiKey: string | null
  /** Whether this is a fork that sends an idempotency key with each POST. The program itself sends none. */
  readonly sendsKeys: boolean
  /** Requests an engine with that idempotency key. The world checks what the answer promises. */
  readonly provision: (caller: Caller, key: string | undefined, patienceMs: number) => Promise<Answer | null>
  /** Receives the waits that the answers to one viewer's POSTs have caused so far, whenever another one begins. */
  readonly onWait: (caller: string, waits: readonly Wait[]) => void
}

const LIST_TTL_MS = 2_000
const STATUS_EVERY_MS = 30_000
const SETTLE_MS = 5_000
/** The part of the estimate that acexy waits before each of its tries. */
const TRIES = [0, 0.5, 1] as const
/** How acexy names itself in every request. */
export const ACEXY_AGENT = 'Go-http-client/1.1'

/**
 * Simulates one acexy (7e82040): what it asks, in which order, what it makes of each answer, and how long it waits. What is
 * sent to the engine and reported afterwards is in viewers.ts and reports.ts.
 */
export class Acexy {
  #list: List | null = null
  #status: AcexyStatus['provisioning'] | null = null

  constructor(
    readonly name: string,
    private readonly deps: AcexyDeps,
  ) {}

  get apiKey(): string | null {
    return this.deps.apiKey
  }

  /** Starts the program: it asks for the status now and every 30 s from then on, and knows of nothing newer. */
  begin(): void {
    this.deps.clock.after(STATUS_EVERY_MS, () => this.begin())
    void this.#readStatus()
  }

  /** Chooses an engine for a viewer, or says why there is none. */
  async choose(caller: Caller): Promise<Choice | TurnedAway> {
    const list = await this.#readList()
    if (list === null) return FALLBACK
    const candidates = await this.#candidates(list)
    const row = selectEngine(candidates, this.deps.perEngine)
    if (row === null) return this.#blocked() ?? this.#provision(caller)
    const { container_id: containerId, host, port } = row
    this.deps.choices.chose(caller, containerId, candidates)
    return { containerId, host, port, by: 'list', how: 'listed', readMs: list.readMs }
  }

  /** acexy decodes the answer whatever its HTTP status is. Without an answer the last status stays. */
  async #readStatus(): Promise<void> {
    const answer = await this.#ask({ method: 'GET', path: '/orchestrator/status', apiKey: null })
    if (answer !== null) this.#status = decodeStatus(JSON.stringify(answer.body)).provisioning
  }

  async #readList(): Promise<List | null> {
    const { clock, choices } = this.deps
    if (this.#list !== null && clock.now() - this.#list.readMs < LIST_TTL_MS) return this.#list
    const answer = await this.#ask({ method: 'GET', path: '/engines' })
    if (answer?.status !== 200) return null
    this.#list = { rows: decodeEngines(JSON.stringify(answer.body)), readMs: clock.now() }
    choices.saw(this.#list.rows)
    return this.#list
  }

  /** Asks for the started streams of one engine after the other. Leaves out engines about which there is no answer. */
  async #candidates({ rows }: List): Promise<readonly Candidate[]> {
    const candidates: Candidate[] = []
    for (const engine of rows) {
      const path = `/streams?container_id=${engine.container_id}&status=started`
      const answer = await this.#ask({ method: 'GET', path })
      if (answer?.status !== 200) continue
      const streams = answer.body as readonly { readonly status: string }[]
      candidates.push({ engine, activeStreams: streams.filter(({ status }) => status === 'started').length })
    }
    return candidates
  }

  /** What the last status says, which may be 30 s old. Before the first status nothing can be provisioned. */
  #blocked(): TurnedAway | null {
    if (this.#status?.can_provision === true) return null
    const details = this.#status?.blocked_reason_details ?? null
    return {
      by: 'status',
      retryAfterS: details?.should_wait === true ? etaOf(details) : null,
    }
  }

  async #provision(caller: Caller): Promise<Choice | TurnedAway> {
    const { provision, random, sendsKeys } = this.deps
    // Some proxies are stopped in the middle of a request.
    const patienceMs = random.chance(0.1) ? random.int(0, 2_900) : 3_000
    const key = sendsKeys ? `key-${caller.name}` : undefined
    const waits: Wait[] = []
    let last: Refused | null = null
    for (const part of TRIES) {
      if (last !== null) await this.#wait(caller, last, part, waits)
      const answer = await provision(caller, key, patienceMs)
      if (answer?.status === 200) return this.#settle(answer)
      if (answer === null && patienceMs < 3_000 && !sendsKeys) return FALLBACK
      last = answer === null ? null : refusedBy(answer)
      if (last?.refusal.should_wait === false) break
    }
    return last === null ? FALLBACK : { by: 'refusal', retryAfterS: etaOf(last.refusal) }
  }

  async #wait({ name }: Caller, { refusal, answer }: Refused, part: number, waits: Wait[]): Promise<void> {
    const seconds = Math.floor(refusal.recovery_eta_seconds * part)
    if (seconds === 0) return
    waits.push({ seconds, answer })
    this.deps.onWait(name, waits)
    await this.deps.clock.sleep(seconds * 1_000)
  }

  /** Waits until the engine is listed, at most twice 5 s, and uses it in any case: always at its port on this host. */
  async #settle({ body }: Answer): Promise<Choice> {
    const { clock, random } = this.deps
    const { container_id: containerId, host_http_port: port } = body as Provisioned
    const place = { containerId, host: 'localhost', port, by: 'post' } as const
    await clock.sleep(SETTLE_MS)
    // Sometimes the list can't be read at this moment.
    const list = random.chance(0.15) ? null : await this.#readList()
    if (list?.rows.some(({ container_id: id }) => id === containerId) === true)
      return { ...place, how: 'listed', readMs: list.readMs }
    await clock.sleep(SETTLE_MS)
    return { ...place, how: 'promised', readMs: clock.now() }
  }

  #ask(ask: Ask): Promise<Answer | null> {
    return this.deps.http.ask({ apiKey: this.deps.apiKey, ...ask, userAgent: ACEXY_AGENT })
  }
}

interface Refused {
  readonly answer: Answer
  readonly refusal: AcexyRefusal
}

interface Provisioned {
  readonly container_id: string
  readonly host_http_port: number
}

/** Null for an answer that acexy does not understand: it tries again at once, as after none. */
function refusedBy(answer: Answer): Refused | null {
  const refusal = decodeRefusal(JSON.stringify(answer.body))
  return refusal === null ? null : { answer, refusal }
}

/** acexy uses its own engine, which does not exist here. */
const FALLBACK: TurnedAway = { by: 'fallback', retryAfterS: null }

/** An estimate of 0 is none. */
const etaOf = ({ recovery_eta_seconds: eta }: AcexyRefusal): number | null => (eta > 0 ? eta : null)
