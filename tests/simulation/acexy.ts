import type { Clock } from '../../src/lib/clock.ts'
import type { Answer, Http } from './http.ts'
import type { Random } from './random.ts'
import type { Trace } from './trace.ts'

/** The members of an engine that acexy reads. */
export interface EngineRow {
  readonly container_id: string
  readonly host: string
  readonly port: number
  readonly health_status: string
  readonly forwarded: boolean
  readonly last_stream_usage: string | null
}

interface Status {
  readonly provisioning: {
    readonly can_provision: boolean
    readonly blocked_reason_details: { readonly should_wait: boolean } | null
  }
}

/** An engine that a viewer is sent to. `listed`: chosen from a list read at `readMs`. `promised`: known only from a 200. */
export interface Choice {
  readonly containerId: string
  readonly host: string
  readonly port: number
  readonly how: 'listed' | 'promised'
  /** When the list that names the engine was read. */
  readonly readMs: number
}

export interface AcexyDeps {
  readonly clock: Clock
  readonly http: Http
  readonly random: Random
  readonly trace: Trace
  /** How many streams acexy puts on one engine at most. */
  readonly perEngine: number
  /** The API key that was configured. With a wrong key or none, its events are refused. */
  readonly apiKey: string | null
  /** Requests an engine with that idempotency key. The world checks what the answer promises. */
  readonly provision: (caller: string, key: string | undefined, patienceMs: number) => Promise<Answer | null>
}

const LIST_TTL_MS = 2_000
const STATUS_TTL_MS = 30_000
const TRIES = 3
const SETTLE_MS = 5_000

/** Simulates one acexy: chooses an engine for a viewer as the program does. */
export class Acexy {
  #list: { readonly rows: readonly EngineRow[]; readonly readMs: number } | null = null
  #status: { readonly value: Status; readonly readMs: number } | null = null

  constructor(
    readonly name: string,
    private readonly deps: AcexyDeps,
  ) {}

  get apiKey(): string | null {
    return this.deps.apiKey
  }

  /** Chooses an engine for a viewer. Returns null if there is none, so that the viewer is turned away. */
  async choose(caller: string, key: string | undefined): Promise<Choice | null> {
    await this.#readStatus()
    const list = await this.#readList()
    if (list === null) return null
    const row = await this.#select(list.rows)
    if (row !== undefined) return { ...placeOf(row), how: 'listed', readMs: list.readMs }
    return this.#status?.value.provisioning.can_provision === true ? this.#provision(caller, key) : null
  }

  async #readStatus(): Promise<void> {
    const now = this.deps.clock.now()
    if (this.#status !== null && now - this.#status.readMs < STATUS_TTL_MS) return
    const answer = await this.deps.http.ask({ method: 'GET', path: '/orchestrator/status' })
    if (answer?.status === 200) this.#status = { value: answer.body as Status, readMs: now }
  }

  async #readList(): Promise<{ readonly rows: readonly EngineRow[]; readonly readMs: number } | null> {
    const now = this.deps.clock.now()
    if (this.#list !== null && now - this.#list.readMs < LIST_TTL_MS) return this.#list
    const answer = await this.deps.http.ask({ method: 'GET', path: '/engines' })
    if (answer?.status !== 200) return null
    this.#list = { rows: answer.body as EngineRow[], readMs: now }
    return this.#list
  }

  async #select(rows: readonly EngineRow[]): Promise<EngineRow | undefined> {
    const free: EngineRow[] = []
    for (const row of rows) {
      const path = `/streams?container_id=${row.container_id}&status=started`
      const answer = await this.deps.http.ask({ method: 'GET', path })
      if (answer?.status === 200 && (answer.body as unknown[]).length < this.deps.perEngine) free.push(row)
    }
    return free.toSorted(byPreference)[0]
  }

  async #provision(caller: string, key: string | undefined): Promise<Choice | null> {
    const { clock, provision, random } = this.deps
    // Some proxies give up in the middle of a request.
    const patienceMs = random.chance(0.1) ? random.int(0, 2_900) : 3_000
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const answer = await provision(caller, key, patienceMs)
      if (answer?.status === 200) return this.#settle(answer)
      if (answer === null && patienceMs < 3_000 && key === undefined) return null
      const detail = detailOf(answer)
      if (detail?.should_wait === false) return null
      if (attempt < TRIES && detail?.should_wait === true)
        await clock.sleep(attempt === 1 ? Math.floor(detail.eta / 2) * 1_000 : detail.eta * 1_000)
    }
    return null
  }

  async #settle({ body }: Answer): Promise<Choice> {
    const { clock } = this.deps
    const { container_id, host_http_port } = body as { container_id: string; host_http_port: number }
    await clock.sleep(SETTLE_MS)
    // Sometimes the list can't be read at this moment.
    const list = this.deps.random.chance(0.15) ? null : await this.#readList()
    const row = list?.rows.find((each) => each.container_id === container_id)
    if (list !== null && row !== undefined) return { ...placeOf(row), how: 'listed', readMs: list.readMs }
    await clock.sleep(SETTLE_MS)
    return {
      containerId: container_id,
      host: 'localhost',
      port: host_http_port,
      how: 'promised',
      readMs: clock.now(),
    }
  }
}

const placeOf = ({ container_id, host, port }: EngineRow) => ({ containerId: container_id, host, port })

/** Prefers healthy engines, then the one that was unused for longest. Otherwise the order of the list decides. */
function byPreference(one: EngineRow, other: EngineRow): number {
  const isHealthy = (row: EngineRow): number => (row.health_status === 'healthy' ? 0 : 1)
  const used = (row: EngineRow): number =>
    row.last_stream_usage === null ? 0 : Date.parse(row.last_stream_usage)
  return isHealthy(one) - isHealthy(other) || used(one) - used(other)
}

/** The longest time that a viewer is made to wait. A viewer who would wait longer gives up, in the simulation as in life. */
const ETA_MAX_S = 60

function detailOf(answer: Answer | null): { readonly should_wait: boolean; readonly eta: number } | null {
  const body = answer?.body as Record<string, unknown> | null | undefined
  const detail = typeof body?.detail === 'object' ? (body.detail as Record<string, unknown>) : body
  if (typeof detail?.code !== 'string') return null
  const eta = typeof detail.recovery_eta_seconds === 'number' ? detail.recovery_eta_seconds : 0
  return { should_wait: detail.should_wait === true, eta: Math.min(ETA_MAX_S, eta) }
}
