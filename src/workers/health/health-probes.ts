import type { Address } from '../protocol.ts'
import type { BootFact, ProbeFact, ProbeTarget, UnaskedFact } from './health-protocol.ts'
import { type ProbeAnswer, probe } from './probe.ts'

/** An engine that takes longer than this to answer a probe has not booted. */
const BOOT_TIMEOUT_MS = 1_000

/** How often an engine is probed that is in doubt. */
const DOUBT_INTERVAL_MS = 1_000

/**
 * How often, and how many times, an engine is probed when it answers again after a failure, so that it is soon known whether
 * the recovery lasts.
 */
const AFTER_FAILURE = { intervalMs: 1_000, probes: 10 }

/** How often a booting engine's missing answers are reported. */
const BOOT_REPORT_MS = 1_000

interface Pace {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly bootIntervalMs: number
}

interface Watch {
  target: ProbeTarget
  /** The address that answered last. Only this address is asked, so that a stranger at another address is not disturbed. */
  address: Address | null
  /** How many quick probes are left; a failure resets the count. */
  quickProbes: number
  /** How long the next answer is waited for while the engine boots; 0 for the shortest time. */
  bootPatienceMs: number
  /** How often this start of the engine was asked in vain, and when that was last reported, on the monotonic clock. */
  bootProbes: number
  bootReportedMs: number
  timer: ReturnType<typeof setTimeout> | null
  /** Ends the probe that is under way. */
  asking: AbortController | null
}

/**
 * Probes every target on its own timer, so that an engine that hangs delays no other. Only one probe of a target is under
 * way at a time: the next one ends it. Booting targets are probed several times a second. The others are probed once an
 * interval, at random times from the first round on; those that answer again after a failure, or that are in doubt, are
 * probed more often.
 */
export class HealthProbes {
  readonly #watches = new Map<string, Watch>()
  #pace: Pace = { intervalMs: 20_000, timeoutMs: 5_000, bootIntervalMs: 200 }

  constructor(
    private readonly options: {
      readonly report: (fact: ProbeFact) => void
      readonly reportUnasked: (fact: UnaskedFact) => void
      readonly reportBoot: (fact: BootFact) => void
      /** Epoch milliseconds. */
      readonly now: () => number
    },
  ) {}

  configure(pace: Pace): void {
    this.#pace = pace
  }

  /** Sets the complete list: new targets are probed at once, missing ones are not probed any more. */
  setTargets(targets: readonly ProbeTarget[]): void {
    const wanted = new Map(targets.map((target) => [target.engineId, target]))
    for (const [id, watch] of this.#watches) if (!wanted.has(id)) this.#drop(id, watch)
    for (const target of targets) this.#take(target)
  }

  /** The addresses at which to reach an engine: the one that answered its last probe, otherwise all possible ones. */
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
        bootProbes: 0,
        bootReportedMs: Number.NEGATIVE_INFINITY,
        timer: null,
        asking: null,
      }
      this.#watches.set(target.engineId, watch)
      this.#after(watch, 0)
      return
    }
    const isSameProcess = known.target.generation === target.generation
    const { isBooting: wasBooting, isInDoubt: wasInDoubt } = known.target
    known.target = target
    if (!isSameProcess) Object.assign(known, { address: null, bootProbes: 0 })
    if (target.isBooting && (!wasBooting || !isSameProcess)) this.#after(known, 0)
    else if (wasBooting && !target.isBooting) this.#after(known, this.#nextMs())
    else if (!isSameProcess || (target.isInDoubt && !wasInDoubt)) this.#after(known, 0)
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
    // The target left the list meanwhile, or a newer probe of it has begun.
    if (watch.asking !== asking || asking.signal.aborted) return
    watch.asking = null
    if (watch.target.generation !== target.generation) return
    watch.address = answer.address
    if (!answer.isAsked) this.#tellUnasked(target)
    // A booting engine refuses connections until it is up. That is no failed probe, so it is reported as what it is.
    else if (answer.ok || !target.isBooting) this.#report(target, answer)
    else this.#reportBoot(watch, answer)
    // If the target changed meanwhile, the time of its next probe is already set.
    if (watch.timer !== null) return
    const bootRestMs = Math.max(0, beganMs + this.#pace.bootIntervalMs - performance.now())
    const isFault = answer.isAsked && !answer.ok
    this.#after(watch, watch.target.isBooting ? bootRestMs : this.#restMs(watch, !isFault))
  }

  /**
   * How long to wait for the answer to the next probe, in milliseconds. A booting engine may accept one request and never
   * answer it, and answer the next one; or it may be slow with every answer. So the wait doubles from probe to probe up to
   * its bound, and then starts again.
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
    if (!ok) watch.quickProbes = AFTER_FAILURE.probes
    if (watch.target.isInDoubt) return Math.min(DOUBT_INTERVAL_MS, this.#nextMs())
    if (!ok || watch.quickProbes === 0) return this.#nextMs()
    watch.quickProbes--
    return Math.min(AFTER_FAILURE.intervalMs, this.#nextMs())
  }

  #report({ engineId, generation }: ProbeTarget, { ok, error }: ProbeAnswer): void {
    const { report, now } = this.options
    report({ type: 'probe', engineId, generation, ok, atMs: now(), error })
  }

  #reportBoot(watch: Watch, { error }: ProbeAnswer): void {
    watch.bootProbes++
    const now = performance.now()
    if (now - watch.bootReportedMs < BOOT_REPORT_MS) return
    watch.bootReportedMs = now
    const { engineId, generation } = watch.target
    this.options.reportBoot({ type: 'boot', engineId, generation, probes: watch.bootProbes, error })
  }

  #tellUnasked({ engineId, generation }: ProbeTarget): void {
    const { reportUnasked, now } = this.options
    reportUnasked({ type: 'unasked', engineId, generation, atMs: now() })
  }

  /**
   * A random time between half an interval and a whole one, in milliseconds: engines that were started together drift apart,
   * and none waits longer than an interval.
   */
  #nextMs(): number {
    return this.#pace.intervalMs * (0.5 + Math.random() / 2)
  }
}
