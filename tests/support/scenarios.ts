/** Hard scenarios for a fleet. The ordinary test run and the long one (`scripts/soak.ts`) use them. */

import type { Agreement } from './consistency.ts'
import { listedIds, mustProvision, mustRemove, type ProvisionOutcome, provision, removeAll } from './fleet.ts'
import type { TestServer } from './server.ts'

/** Where the process kills itself, and whether the engine of the interrupted call exists after the restart. */
export const FAIL_POINTS = {
  after_tx1: { survives: false },
  after_create: { survives: false },
  after_start: { survives: true },
  before_reply: { survives: true },
} as const

export type FailPoint = keyof typeof FAIL_POINTS

/**
 * Lets the process die at a point of a provision, starts it again and asks again with the same key. Throws unless server and
 * container engine agree at every step, and the caller ends with the engine that survived, or otherwise with the only one that exists.
 * Returns the milliseconds from the restart's readiness to the agreement. Begins and ends with an ended server and no
 * engine.
 */
export async function crashAt(server: TestServer, agreement: Agreement, point: FailPoint): Promise<number> {
  const key = crypto.randomUUID()
  await server.start({ FAIL_POINT: point })
  const outcome = await provision(server, { key })
  if (outcome.kind !== 'unanswered') throw new Error(`no crash at ${point}: ${JSON.stringify(outcome)}`)
  const signal = await server.ended()
  if (signal !== 'SIGKILL') throw new Error(`ended by ${signal} at ${point}`)

  await server.start()
  const settledMs = await agreement(server)
  const survivors = await listedIds(server)
  const expected = FAIL_POINTS[point].survives ? 1 : 0
  if (survivors.length !== expected) throw new Error(`${survivors.length} engines after a crash at ${point}`)

  const { container_id } = await mustProvision(server, key)
  if (expected === 1 && survivors[0] !== container_id)
    throw new Error(`another engine after a crash at ${point}`)
  const listed = await listedIds(server)
  if (listed.join() !== container_id) throw new Error(`listed after a crash at ${point}: ${listed.join()}`)
  await mustRemove(server, container_id)
  await agreement(server)
  await server.end()
  return settledMs
}

/** What the clients know when the server is killed. */
interface Ledger {
  /** Container ids that were returned with a 200, for which no DELETE was sent. */
  readonly promised: Set<string>
  /** Every container id that was ever returned. */
  readonly told: string[]
  /** For each key the container id that was returned and not deleted; null if there was no answer. */
  readonly keys: Map<string, string | null>
  /** Codes of the refusals. */
  readonly refusals: string[]
}

/** The result of one `killWhileProvisioning`. */
export interface KillReport {
  readonly answers: number
  readonly keysRetried: number
  readonly settledMs: number
}

/**
 * Kills the server (SIGKILL) `afterMs` after some clients began to provision and delete, with connections kept alive and
 * some idempotency keys. Restarts it and asks again with every key. Throws unless everything that a client was told still
 * holds, no engine was given to two clients, and Docker agrees. Begins with a running server, and ends with one without
 * engines.
 */
export async function killWhileProvisioning(
  server: TestServer,
  agreement: Agreement,
  options: { readonly clients: number; readonly afterMs: number; readonly random: () => number },
): Promise<KillReport> {
  const { clients, afterMs, random } = options
  const ledger: Ledger = { promised: new Set(), told: [], keys: new Map(), refusals: [] }
  const work = Promise.all(Array.from({ length: clients }, () => client(server, ledger, random)))
  // A fixed time, because this tests a kill at an arbitrary moment.
  await Bun.sleep(afterMs)
  await server.end('SIGKILL')
  await work

  await server.start()
  const settledMs = await agreement(server, ledger.promised)
  await retryKeys(server, ledger)
  await agreement(server, ledger.promised)
  const surprise = ledger.refusals.find((code) => code !== 'provisioning_in_progress')
  if (surprise !== undefined) throw new Error(`a provision was refused: ${surprise}\n${server.output}`)
  if (new Set(ledger.told).size !== ledger.told.length) {
    throw new Error(`an engine was given to two callers: ${ledger.told.join(', ')}`)
  }
  await removeAll(server)
  await agreement(server)
  return { answers: ledger.told.length, keysRetried: ledger.keys.size, settledMs }
}

/** Provisions, sometimes with a key, and sometimes deletes what it got, until the server does not answer any more. */
async function client(server: TestServer, ledger: Ledger, random: () => number): Promise<void> {
  for (;;) {
    const key = random() < 0.4 ? crypto.randomUUID() : undefined
    const outcome = await provision(server, { key })
    note(ledger, key, outcome)
    if (outcome.kind === 'unanswered') return
    if (outcome.kind === 'refused' || random() < 0.5) continue
    const { container_id } = outcome.engine
    ledger.promised.delete(container_id)
    if (key !== undefined) ledger.keys.delete(key)
    // A deletion that the kill interrupts may be done or not, so nothing is promised from here on.
    if ((await server.delete(`/containers/${container_id}`).catch(() => null)) === null) return
  }
}

function note(ledger: Ledger, key: string | undefined, outcome: ProvisionOutcome): void {
  if (outcome.kind === 'refused') ledger.refusals.push(outcome.code)
  if (outcome.kind === 'engine') {
    ledger.promised.add(outcome.engine.container_id)
    ledger.told.push(outcome.engine.container_id)
  }
  if (key !== undefined) ledger.keys.set(key, outcome.kind === 'engine' ? outcome.engine.container_id : null)
}

async function retryKeys(server: TestServer, ledger: Ledger): Promise<void> {
  for (const [key, before] of ledger.keys) {
    const { container_id } = await mustProvision(server, key)
    if (before !== null && before !== container_id) {
      throw new Error(`the key of ${before} was answered with ${container_id} after the restart`)
    }
    if (before === null) ledger.told.push(container_id)
    ledger.promised.add(container_id)
  }
}

/**
 * Provisions and deletes `count` engines one after the other. Throws unless each is listed by the next `GET /engines`, and
 * not listed by the one after its deletion. Returns how many milliseconds each provision took.
 */
export async function provisionInARow(server: TestServer, count: number): Promise<number[]> {
  const tookMs: number[] = []
  for (let turn = 1; turn <= count; turn++) {
    const beganMs = performance.now()
    const { container_id } = await mustProvision(server)
    tookMs.push(performance.now() - beganMs)
    const listed = await listedIds(server)
    if (!listed.includes(container_id)) throw new Error(`engine ${turn} not in the very next /engines`)
    await mustRemove(server, container_id)
    const left = await listedIds(server)
    if (left.includes(container_id)) throw new Error(`engine ${turn} is listed after its deletion`)
  }
  return tookMs
}

/** Asks for `count` engines at the same moment. Returns what each caller got, and the milliseconds of the slowest. */
export async function provisionAtOnce(
  server: TestServer,
  count: number,
): Promise<{ readonly outcomes: readonly ProvisionOutcome[]; readonly slowestMs: number }> {
  const beganMs = performance.now()
  const outcomes = await Promise.all(Array.from({ length: count }, () => provision(server)))
  return { outcomes, slowestMs: performance.now() - beganMs }
}

/** The container ids among outcomes. */
export const engineIds = (outcomes: readonly ProvisionOutcome[]): string[] =>
  outcomes.flatMap((outcome) => (outcome.kind === 'engine' ? [outcome.engine.container_id] : []))

/** The codes of the refusals among outcomes, and `unanswered` for each outcome without an answer. */
export const refusalCodes = (outcomes: readonly ProvisionOutcome[]): string[] =>
  outcomes.flatMap((outcome) =>
    outcome.kind === 'engine' ? [] : 'code' in outcome ? outcome.code : outcome.kind,
  )

/** Uniform random numbers in [0, 1) from a seed (mulberry32, by Tommy Ettinger, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
