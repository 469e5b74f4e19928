import type { Address } from '../protocol.ts'
import type { ProbeFact, ProbeTarget, UnaskedFact } from './health-protocol.ts'
import { type ProbeAnswer, probe } from './probe.ts'

/** An engine that takes longer to say how it is has not booted. */
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
  /** How long its next answer is waited for while it boots; 0 for the shortest time. */
  bootPatienceMs: number
  timer: ReturnType<typeof setTimeout> | null
  /** Ends the question that is under way. */
  asking: AbortController | null
}

/**
 * Probes every target on a timer of its own, so that one that hangs delays no other, and with one question at a time: the next
 * one ends it. Booting targets are asked several times a second; the others once an interval, spread over it by chance from the
 * first round on, but for those that answer again after a failure.
 */
export class HealthProbes {
  readonly #watches = new Map<string, Watch>()
  #pace: Pace = { intervalMs: 20_000, timeoutMs: 5_000, bootIntervalMs: 200 }

  constructor(
    private readonly options: {
      readonly report: (fact: ProbeFact) => void
      readonly reportUnasked: (fact: UnaskedFact) => void
      /** Epoch milliseconds. */
      readonly now: () => number
    },
  ) {}

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
      const watch: Watch = {
        target,
        address: null,
        quickProbes: 0,
        bootPatienceMs: 0,
        timer: null,
        asking: null,
      }
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
    watch.asking?.abort()
    this.#watches.delete(id)
  }

  #after(watch: Watch, ms: number): void {
    if (watch.timer !== null) clearTimeout(watch.timer)
    watch.timer = setTimeout(() => void this.#probe(watch), ms)
  }

  async #probe(watch: Watch): Promise<void> {
    watch.timer = null
    watch.asking?.abort()
    const asking = new AbortController()
    watch.asking = asking
    const { target } = watch
    const beganMs = performance.now()
    const patienceMs = this.#patienceMs(watch)
    const addresses = watch.address === null ? target.addresses : [watch.address]
    const answer = await probe(addresses, patienceMs, asking.signal)
    // It left the list meanwhile, or is asked anew.
    if (watch.asking !== asking || asking.signal.aborted) return
    watch.asking = null
    if (watch.target.generation !== target.generation) return
    watch.address = answer.address
    if (!answer.isAsked) this.#tellUnasked(target)
    // A booting engine refuses until it is up; only its first good answer is news.
    else if (answer.ok || !target.isBooting) this.#report(target, answer)
    // Whoever said meanwhile that it has booted has set the time of the next question.
    if (watch.timer !== null) return
    const bootRestMs = Math.max(0, beganMs + this.#pace.bootIntervalMs - performance.now())
    const isFault = answer.isAsked && !answer.ok
    this.#after(watch, watch.target.isBooting ? bootRestMs : this.#restMs(watch, !isFault))
  }

  /**
   * One that boots may take a question and never answer it, and answer the next one; or take its time for every answer. So the
   * patience doubles from question to question up to its bound, and begins anew from there.
   */
  #patienceMs(watch: Watch): number {
    const { timeoutMs, bootIntervalMs } = this.#pace
    if (!watch.target.isBooting) return timeoutMs
    const maxMs = Math.min(timeoutMs, BOOT_TIMEOUT_MS)
    const patienceMs = Math.min(maxMs, Math.max(bootIntervalMs, watch.bootPatienceMs))
    watch.bootPatienceMs = patienceMs === maxMs ? 0 : patienceMs * 2
    return patienceMs
  }

  #restMs(watch: Watch, ok: boolean): number {
    if (!ok) watch.quickProbes = CONVALESCENT.probes
    if (!ok || watch.quickProbes === 0) return this.#nextMs()
    watch.quickProbes--
    return Math.min(CONVALESCENT.intervalMs, this.#nextMs())
  }

  #report({ engineId, generation }: ProbeTarget, { ok, error }: ProbeAnswer): void {
    const { report, now } = this.options
    report({ type: 'probe', engineId, generation, ok, atMs: now(), error })
  }

  #tellUnasked({ engineId, generation }: ProbeTarget): void {
    const { reportUnasked, now } = this.options
    reportUnasked({ type: 'unasked', engineId, generation, atMs: now() })
  }

  /** Half an interval to a whole one: engines started together drift apart, and none waits longer. */
  #nextMs(): number {
    return this.#pace.intervalMs * (0.5 + Math.random() / 2)
  }
}
