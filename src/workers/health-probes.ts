import type { ProbeFact, ProbeTarget } from './health-protocol.ts'
import { type ProbeAnswer, probe } from './probe.ts'
import type { Address } from './protocol.ts'

/** An engine that takes longer to say how it is has not booted. Bounds the questions open at once, too. */
const BOOT_TIMEOUT_MS = 1_000

/** One that answers again after a failure is asked that often, that many times: whether it lasts is to be known soon. */
const CONVALESCENT = { intervalMs: 1_000, probes: 10 }

interface Pace {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly bootIntervalMs: number
}

interface Watch {
  target: ProbeTarget
  /** The address that answered last; asked alone, so that a stranger on another address is not disturbed. */
  address: Address | null
  /** Probes still to come quickly, as long as they succeed. */
  quickProbes: number
  timer: ReturnType<typeof setTimeout> | null
}

/**
 * Probes every target on a timer of its own, so that one that hangs delays no other. Booting targets are asked several
 * times a second; the others once an interval, spread over it by chance from the first round on, but for those that answer
 * again after a failure.
 */
export class HealthProbes {
  readonly #watches = new Map<string, Watch>()
  #pace: Pace = { intervalMs: 20_000, timeoutMs: 5_000, bootIntervalMs: 200 }

  constructor(private readonly report: (fact: ProbeFact) => void) {}

  configure(pace: Pace): void {
    this.#pace = pace
  }

  /** Takes the whole list: new ones are probed at once, missing ones no more. */
  setTargets(targets: readonly ProbeTarget[]): void {
    const wanted = new Map(targets.map((target) => [target.engineId, target]))
    for (const [id, watch] of this.#watches) if (!wanted.has(id)) this.#drop(id, watch)
    for (const target of targets) this.#take(target)
  }

  /** Where an engine is reached: at the address that answered its last probe, else it may be at any of them. */
  addressesOf(engineId: string): readonly Address[] {
    const watch = this.#watches.get(engineId)
    if (watch === undefined) return []
    return watch.address === null ? watch.target.addresses : [watch.address]
  }

  stop(): void {
    for (const [id, watch] of this.#watches) this.#drop(id, watch)
  }

  #take(target: ProbeTarget): void {
    const known = this.#watches.get(target.engineId)
    if (known === undefined) {
      const watch: Watch = { target, address: null, quickProbes: 0, timer: null }
      this.#watches.set(target.engineId, watch)
      this.#after(watch, 0)
      return
    }
    const isSameProcess = known.target.generation === target.generation
    const wasBooting = known.target.isBooting
    known.target = target
    if (!isSameProcess) known.address = null
    if (target.isBooting && (!wasBooting || !isSameProcess)) this.#after(known, 0)
    else if (wasBooting && !target.isBooting) this.#after(known, this.#nextMs())
    else if (!isSameProcess) this.#after(known, 0)
  }

  #drop(id: string, watch: Watch): void {
    if (watch.timer !== null) clearTimeout(watch.timer)
    this.#watches.delete(id)
  }

  #after(watch: Watch, ms: number): void {
    if (watch.timer !== null) clearTimeout(watch.timer)
    watch.timer = setTimeout(() => void this.#probe(watch), ms)
  }

  async #probe(watch: Watch): Promise<void> {
    watch.timer = null
    const { target } = watch
    const { timeoutMs, bootIntervalMs } = this.#pace
    // A booting engine is asked again without waiting for the last answer: it may hang first and answer later.
    if (target.isBooting) this.#after(watch, bootIntervalMs)
    const patienceMs = target.isBooting ? Math.min(timeoutMs, BOOT_TIMEOUT_MS) : timeoutMs
    const answer = await probe(watch.address === null ? target.addresses : [watch.address], patienceMs)
    const isStale =
      this.#watches.get(target.engineId) !== watch || watch.target.generation !== target.generation
    if (isStale) return
    watch.address = answer.address
    // A booting engine refuses until it is up; only its first good answer is news.
    if (answer.ok || !target.isBooting) this.#report(target, answer)
    if (!target.isBooting) this.#after(watch, this.#restMs(watch, answer.ok))
  }

  #restMs(watch: Watch, ok: boolean): number {
    if (!ok) watch.quickProbes = CONVALESCENT.probes
    if (!ok || watch.quickProbes === 0) return this.#nextMs()
    watch.quickProbes--
    return Math.min(CONVALESCENT.intervalMs, this.#nextMs())
  }

  #report({ engineId, generation }: ProbeTarget, { ok, error }: ProbeAnswer): void {
    this.report({ type: 'probe', engineId, generation, ok, atMs: Date.now(), error })
  }

  /** Half an interval to a whole one: engines started together drift apart, and none waits longer. */
  #nextMs(): number {
    return this.#pace.intervalMs * (0.5 + Math.random() / 2)
  }
}
