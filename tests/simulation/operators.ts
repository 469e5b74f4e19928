import type { Books, EngineBook } from './books.ts'
import { type Coverage, tally } from './coverage.ts'
import type { Answer, Http } from './http.ts'
import type { Orders } from './orders.ts'
import { isOfOthers } from './owners.ts'
import type { Random } from './random.ts'
import { GENERIC_LABEL, LABEL } from './scenario.ts'
import type { SimHost } from './sim-host.ts'
import { short, type Trace } from './trace.ts'

export interface OperatorsDeps {
  readonly http: Http
  readonly host: SimHost
  readonly books: Books
  readonly orders: Orders
  readonly trace: Trace
  readonly coverage: Coverage
  /** Whether the database may refuse writes now. */
  readonly isStorageFelt: () => boolean
  /** Whether a call of the container engine may fail. If not, 500 and 503 are wrong answers. */
  readonly mayDockerFail: () => boolean
  readonly onViolation: (text: string) => void
}

/** How long an operator waits for an answer. This is longer than a proxy waits. */
const PATIENCE_MS = 40_000

interface Stopped {
  readonly session: string
  readonly stream: { readonly status: string }
}

/** Says why an answer is wrong; null if it is right. */
type Judge = (answer: Answer) => string | null

/** People with the API key. Their requests are noted first, because they may be carried out even if no answer arrives. */
export class Operators {
  constructor(private readonly deps: OperatorsDeps) {}

  async scale(random: Random): Promise<void> {
    if (random.chance(0.1)) return void (await this.#ask('POST', '/scale/many', only(422)))
    if (random.chance(0.2)) return void (await this.#ask('DELETE', '/scale', only(200)))
    const n = random.int(0, 5)
    await this.#ask('POST', `/scale/${n}`, only(200))
  }

  async deleteOne(random: Random): Promise<void> {
    const id = this.#anyContainer(random, random.chance(0.5))
    if (id === undefined) return
    this.deps.orders.delete(id)
    await this.#ask('DELETE', `/containers/${id}`, ({ status }) => {
      const isThere = this.#isThere(id)
      if (status === 404 && this.#isOfOthers(id)) return null
      if ((status === 200 || status === 404) && isThere) return 'the container is there'
      return status === 200 || status === 404 ? null : this.#dockerFailed(status)
    })
  }

  async drainOne(random: Random): Promise<void> {
    const byName = random.chance(0.3) ? random.pick(this.deps.books.live()) : undefined
    const id = byName?.id ?? this.#anyContainer(random)
    if (id === undefined) return
    this.deps.orders.drain(byName?.container_id ?? id)
    await this.#ask('POST', `/engines/${id}/drain`, ({ status }) => {
      const engine = this.deps.books.live().find((each) => each.id === id || each.container_id === id)
      const expected = drainStatus(engine)
      return expected === status ? null : `${expected} is true`
    })
  }

  /** Stops a stream, sometimes one that has ended or never existed. */
  async stopStream(random: Random): Promise<void> {
    const { books, orders, coverage } = this.deps
    const newest = random.chance(0.2) ? books.recordsUpTo(Number.MAX_SAFE_INTEGER) : []
    const record = random.pick(newest)
    const id = random.chance(0.1)
      ? 'never|was'
      : ((record === undefined ? random.pick(books.startedStreams())?.stream_id : books.streamOf(record)) ??
        'none|started')
    orders.stop(id)
    const answer = await this.#ask('DELETE', `/streams/${encodeURIComponent(id)}`, ({ status, body }) => {
      if (status !== 200)
        return books.newestStream(id) === null && status === 404 ? null : 'it is in the books'
      return (body as Stopped).stream.status === 'ended' ? null : 'it has not ended'
    })
    if (answer?.status === 200)
      tally(coverage, `session of a stopped stream: ${(answer.body as Stopped).session}`)
  }

  /** Reads all records page by page, from the newest to the oldest. Each record must be on one page. */
  async pageStreams(random: Random): Promise<void> {
    const { books, coverage, onViolation } = this.deps
    const limit = random.int(1, 7)
    const seen: number[] = []
    for (let before = ''; ; before = `&before=${seen.at(-1)}`) {
      const answer = await this.#ask('GET', `/streams?limit=${limit}${before}`, only(200))
      if (answer?.status !== 200) return
      const page = (answer.body as { record: number }[]).map(({ record }) => record).toReversed()
      seen.push(...page)
      if (page.length < limit) break
    }
    tally(coverage, 'streams paged')
    const told = seen.join()
    const inBooks = books.recordsUpTo(seen[0] ?? 0).join()
    // Kept transactions are in the answer, but not in the file yet.
    if (told !== inBooks && !this.deps.isStorageFelt())
      onViolation(`the pages of streams have the records ${told}, and the books ${inBooks}`)
  }

  async gc(): Promise<void> {
    await this.#ask('POST', '/gc', ({ status }) => (status === 200 ? null : this.#dockerFailed(status)))
  }

  async resetBreakers(random: Random): Promise<void> {
    if (random.chance(0.1))
      return void (await this.#ask('POST', '/health/circuit-breaker/reset?operation_type=none', only(422)))
    const query = random.pick(['', '?operation_type=general', '?operation_type=replacement'] as const)
    await this.#ask('POST', `/health/circuit-breaker/reset${query}`, only(200))
  }

  async lookAtPlan(): Promise<void> {
    await this.#ask('GET', '/orchestrator/plan', only(200))
  }

  async lookAtContainer(random: Random): Promise<void> {
    const id = this.#anyContainer(random)
    if (id === undefined) return
    await this.#ask('GET', `/containers/${id}`, ({ status }) => {
      if (status === 200 && this.#isOfOthers(id)) return 'it is of another installation'
      if (status === 404) return this.#isThere(id) && !this.#isOfOthers(id) ? 'the container is there' : null
      return status === 200 ? null : this.#dockerFailed(status)
    })
  }

  async lookByLabel(): Promise<void> {
    const path = `/by-label?key=${LABEL.key}&value=${LABEL.value}`
    await this.#ask('GET', path, ({ status, body }) => {
      if (status !== 200) return this.#dockerFailed(status)
      const told = (body as { id: string }[]).find(({ id }) => this.#isOfOthers(id))
      return told === undefined ? null : `${short(told.id)} is of another installation`
    })
  }

  #dockerFailed(status: number): string | null {
    if (status !== 500 && status !== 503) return 'nobody knows why'
    return this.deps.mayDockerFail() ? null : 'nothing is wrong with Docker'
  }

  /** Whether the container exists and belongs to another installation. */
  #isOfOthers(containerId: string): boolean {
    const { host, books } = this.deps
    const container = host.runtime.containers().find(({ id }) => id === containerId)
    return container !== undefined && isOfOthers(container, books)
  }

  #isThere(containerId: string): boolean {
    return this.deps.host.runtime.containers().some(({ id }) => id === containerId)
  }

  /** Picks one of our containers, preferably one that is no engine if `isRatherGeneric`. */
  #anyContainer(random: Random, isRatherGeneric = false): string | undefined {
    const ours = this.deps.host.runtime.containers().filter(({ labels }) => labels[LABEL.key] === LABEL.value)
    const generic = ours.filter(({ labels }) => labels[GENERIC_LABEL] !== undefined)
    return random.pick(isRatherGeneric && generic.length > 0 ? generic : ours)?.id
  }

  async #ask(method: string, path: string, judge: Judge): Promise<Answer | null> {
    const { http, trace, coverage, onViolation } = this.deps
    const name = `${method} ${path.replace(/[0-9a-f]{64}|(?<=\/)[0-9a-z]{25}(?=\/|$)/, short)}`
    const kind = path
      .replaceAll(/[0-9a-f-]{36,}|(?<=\/)[0-9a-z]{25}(?=\/|$)|(?<=scale\/)\w+|(?<=streams\/)\S+/g, ':id')
      .replace(/\?.*/, '')
    trace.note('operator', name)
    const answer = await http.ask({ method, path, timeoutMs: PATIENCE_MS })
    trace.note('operator', `${name}: ${answer?.status ?? 'no answer'}`)
    tally(coverage, `operator ${method} ${kind} ${answer?.status ?? 'unanswered'}`)
    const isRefused = answer !== null && isOfStorage(answer) && this.deps.isStorageFelt()
    const fault = answer === null || isRefused ? null : judge(answer)
    if (fault !== null) onViolation(`${name} answered ${answer?.status}: ${fault}`)
    return answer
  }
}

/** Whether the request was refused because the database accepts no writes. */
export const isOfStorage = ({ status, body }: Answer): boolean =>
  status === 503 && (body as { code?: string }).code === 'storage_unavailable'

const only =
  (status: number): Judge =>
  (answer) =>
    answer.status === status ? null : `${status} is true`

/** The status that a drain of this row must be answered with at this moment. */
function drainStatus(engine: EngineBook | undefined): number {
  if (engine === undefined) return 404
  return engine.status === 'provisioning' ? 409 : 200
}
