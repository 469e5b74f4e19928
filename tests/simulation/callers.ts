import type { Clock } from '../../src/lib/clock.ts'
import type { Books, JournalBook } from './books.ts'
import { type Coverage, tally } from './coverage.ts'
import type { Answer, Http } from './http.ts'
import { isOfStorage } from './operators.ts'
import type { Random } from './random.ts'
import { short, type Trace } from './trace.ts'

interface Status {
  readonly provisioning: { readonly can_provision: boolean }
}

type Body = Readonly<Record<string, unknown>>

/** Sends a POST for an engine and checks what a 200 promises. */
export type Provision = (
  caller: string,
  wish: {
    readonly key: string | undefined
    readonly patienceMs: number
    readonly body: Body
    /** The right API key if it is left out. */
    readonly apiKey?: string | null
    /** What the caller wants to watch; nothing if it is left out. */
    readonly content?: string
    readonly userAgent?: string
  },
) => Promise<Answer | null>

export interface CallersDeps {
  readonly clock: Clock
  readonly http: Http
  readonly books: Books
  readonly trace: Trace
  readonly coverage: Coverage
  readonly provision: Provision
  /** Whether a POST may be answered with a listed engine though the status says that there is no room. */
  readonly mayHandOut: () => boolean
  /** Whether the database may refuse writes now. */
  readonly isStorageFelt: () => boolean
  /** The first of the ports that callers request explicitly. */
  readonly firstPort: number
  /** How a container is outside the VPN, or null if it is not. */
  readonly outsideOf: (containerId: string | null) => string | null
  readonly onViolation: (text: string) => void
}

const PLAIN_BODY: Body = { labels: {}, env: {} }
const PATIENCE_MS = 3_000
const GENERIC_PATIENCE_MS = 40_000
const LIVE = new Set(['provisioning', 'starting', 'ready', 'draining'])

/** Simulates programs that use the API in other ways than acexy. Also compares the status with what happens then. */
export class Callers {
  /** By idempotency key: the body that a 200 was answered to, and the engine. */
  readonly #granted = new Map<string, { readonly body: string; readonly containerId: string }>()
  /** All bodies that were sent with each idempotency key. */
  readonly #sent = new Map<string, Set<string>>()
  #count = 0

  constructor(private readonly deps: CallersDeps) {}

  /** Requests an engine of some kind, sometimes with an idempotency key that was used before, perhaps in an earlier life. */
  async provision(random: Random): Promise<void> {
    const bodies: readonly [Body, ...Body[]] = [
      PLAIN_BODY,
      { labels: { owner: 'a' }, env: {} },
      { labels: {}, env: { A: '1' } },
      // This engine never answers. Only its caller is to blame.
      { env: { BROKEN: '1' } },
      { host_port: this.deps.firstPort + random.int(0, 12) },
    ]
    const body = random.pick(bodies)
    const key = random.chance(0.6) ? `own-${random.int(1, 3)}` : undefined
    const text = JSON.stringify(body)
    if (key !== undefined) this.#sent.set(key, (this.#sent.get(key) ?? new Set()).add(text))
    const answer = await this.deps.provision(`o${++this.#count}`, { key, body, patienceMs: PATIENCE_MS })
    if (answer === null) {
      // It may have begun another engine for the key, and the key of a provision that fails is forgotten.
      if (key !== undefined) this.#granted.delete(key)
      return
    }
    tally(this.deps.coverage, `own request ${answer.status}`)
    if (answer.status === 200) this.#judgePort(body, answer)
    // With a VPN configured, a port that no node publishes is refused before any other check.
    const isPortRefused = answer.status === 422 && body.host_port !== undefined
    if (key !== undefined && !isPortRefused) this.#judgeKey(key, text, answer)
  }

  /** Runs and removes a container that is no engine. */
  async runGeneric(random: Random): Promise<void> {
    const { clock, http, trace, coverage, onViolation } = this.deps
    const ports: Body = random.chance(0.7) ? { '80/tcp': random.int(30_000, 30_004) } : {}
    const answer = await http.ask({
      method: 'POST',
      path: '/provision',
      body: { name_prefix: 'tool', ports },
      timeoutMs: GENERIC_PATIENCE_MS,
    })
    trace.note('caller', `POST /provision: ${answer?.status ?? 'no answer'}`)
    if (answer === null) return
    tally(coverage, `generic ${answer.status}`)
    // Another container of ours may have the port.
    const expected = '80/tcp' in ports ? [200, 422, 500, 503] : [200, 500, 503]
    if (!expected.includes(answer.status)) onViolation(`POST /provision answered ${answer.status}`)
    const { container_id: id } = answer.body as { container_id?: string }
    if (id !== undefined && this.deps.books.byContainer(id) !== null)
      onViolation(`${short(id)} was made by the generic provision and is an engine`)
    if (id === undefined || random.chance(0.3)) return
    await clock.sleep(random.int(100, 30_000))
    await this.#removeGeneric(id)
  }

  async #removeGeneric(id: string): Promise<void> {
    const answer = await this.deps.http.ask({
      method: 'DELETE',
      path: `/containers/${id}`,
      timeoutMs: GENERIC_PATIENCE_MS,
    })
    tally(this.deps.coverage, `generic removed ${answer?.status ?? 'unanswered'}`)
  }

  /** Checks that `can_provision` is true exactly when a POST of acexy's body at the same instant is accepted. */
  async compareStatus(): Promise<void> {
    const { clock, http, books, onViolation, coverage } = this.deps
    const status = await http.ask({ method: 'GET', path: '/orchestrator/status' })
    if (status?.status !== 200) return
    const atMs = clock.now()
    const lastId = books.lastJournalId()
    const mayHandOut = this.deps.mayHandOut()
    const post = this.deps.provision(`c${++this.#count}`, {
      key: undefined,
      body: PLAIN_BODY,
      patienceMs: PATIENCE_MS,
    })
    const first = await Promise.race([post, clock.sleep(1).then(() => 'later' as const)])
    if (first === null) return
    const entries = books.journalAfter(lastId).filter(({ at }) => at === atMs)
    // Something else was decided between the two requests.
    if (entries.some((entry) => !isOfCaller(entry))) return
    // The POST was the first to notice that the database refuses writes.
    if (first !== 'later' && isOfStorage(first) && this.deps.isStorageFelt()) return
    const isAccepted = first === 'later' || first.status === 200 || entries.length > 0
    const { can_provision: promised } = (status.body as Status).provisioning
    // ARCHITECTURE.md: while Docker is away, an engine in flight makes callers wait, but the status does not promise it.
    const isInFlight = entries.some(({ kind }) => kind === 'engine.handed_out')
    if (isInFlight && (await this.#isDockerAway())) return
    if (!promised && first !== 'later' && first.status === 200 && mayHandOut) return
    tally(coverage, `status compared: ${isAccepted ? 'accepted' : 'refused'}`)
    if (promised !== isAccepted)
      onViolation(`can_provision is ${promised}, and a POST was ${isAccepted ? 'accepted' : 'refused'}`)
  }

  /** Whether the orchestrator believes that Docker is away. */
  async #isDockerAway(): Promise<boolean> {
    const plan = await this.deps.http.ask({ method: 'GET', path: '/orchestrator/plan' })
    const { waits } = (plan?.body ?? { waits: [] }) as { waits: readonly string[] }
    return waits.some((why) => why.startsWith('Docker does not answer'))
  }

  #judgePort(body: Body, { body: engine }: Answer): void {
    const wanted = body.host_port ?? null
    const { host_http_port: port } = engine as { host_http_port: number }
    if (wanted !== null && wanted !== port) this.deps.onViolation(`asked for port ${wanted}, given ${port}`)
  }

  #judgeKey(key: string, body: string, answer: Answer): void {
    const { onViolation, books } = this.deps
    const granted = this.#granted.get(key)
    const earlier = granted === undefined ? null : books.byContainer(granted.containerId)
    // An engine that was recreated behind its VPN node may have failed there, and then its key was deleted.
    const isReused = granted !== undefined && granted.body !== body && earlier !== null
    // A database that refuses writes is reported before anything else.
    const { code } = (answer.body ?? {}) as { readonly code?: string }
    if (isReused && answer.status !== 422 && code !== 'storage_unavailable')
      onViolation(`key ${key} was used with another body, and answered ${answer.status}`)
    if (answer.status === 422 && (this.#sent.get(key)?.size ?? 0) < 2)
      onViolation(`key ${key} was refused, and never used with another body`)
    // A failure is not kept and the earlier engine is gone, so the key counts as new.
    if (answer.status >= 500) this.#granted.delete(key)
    if (answer.status !== 200) return
    const { container_id: containerId } = answer.body as { container_id: string }
    const isThere =
      earlier !== null &&
      LIVE.has(earlier.status) &&
      earlier.removal_requested_at === null &&
      this.deps.outsideOf(earlier.container_id) === null
    if (isThere && earlier.container_id !== containerId)
      onViolation(
        `key ${key} was given ${short(containerId)}, its ${short(earlier.container_id)} is still there`,
      )
    this.#granted.set(key, { body, containerId })
  }
}

/** Whether a journal entry is the immediate result of a POST. Launches that the orchestrator decides carry their rule. */
function isOfCaller({ kind, detail }: JournalBook): boolean {
  if (kind === 'engine.handed_out' || kind === 'provision.failed') return true
  return kind === 'provision.started' && !('rule' in (JSON.parse(detail) as object))
}
