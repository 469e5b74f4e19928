import { logExcerpt } from '../../core/engines/log-excerpt.ts'
import { FIXED_PORTS } from '../../core/engines/ports.ts'
import type { OutOfReach } from '../../core/engines/reach.ts'
import { recipeFor } from '../../core/engines/recipe-choice.ts'
import { isHopeless, type Silence, silenceInWords, silenceRemedy } from '../../core/engines/silence.ts'
import type { Warning } from '../../core/reporting/warnings.ts'
import { secretValues } from '../../core/secrets.ts'
import { type Engine, generationOf, isLive, isProbed } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import type { OnError } from '../../lib/guard.ts'
import { keepOnly } from '../../lib/keep-only.ts'
import { Loop } from '../../lib/loop.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { engineById, liveEngines } from '../../store/engines.ts'
import { leasesOf } from '../../store/leases.ts'
import type { Store } from '../../store/store.ts'
import type { Addresses } from '../engines/addresses.ts'
import type { BootFacts } from '../facts/boot-facts.ts'
import type { Facts } from '../facts/facts.ts'
import type { Warnings } from '../reporting/warnings.ts'
import { answerOf, listenersOf } from './listeners.ts'

/** Why an engine failed: a clause for its reason, empty if there is nothing to add, and the end of its log. */
export interface FailureReport {
  readonly why: string
  readonly log: readonly string[]
  /** Whether it was silent because our questions did not reach it, which is not its own fault. */
  readonly isBeyondUs: boolean
}

const LOOK_MS = 2_000

/** How long an engine may be silent before somebody looks where it listens, and the time between two such looks. */
const PATIENCE_MS = 5_000
const AGAIN_MS = 15_000

/** How long the questions for one report may take together. */
const QUESTIONS_MS = 5_000

/** How much of a log is read. */
const LOG = { lines: 20, bytes: 16_384 }

/** Ports that Gluetun itself listens on: its control server, proxies, health server and name server. */
const GLUETUN_PORTS = [8_000, 8_388, 8_888, 9_999, 53]

/**
 * Finds out why engines do not answer after their start: what was asked, where they listen instead, and the end of their
 * log. Warns as soon as it is clear that waiting is useless, and when such an engine has failed.
 */
export class FailureReports {
  readonly #loop: Loop
  /** When it was looked where an engine listens. */
  readonly #looks = new Map<string, number>()
  #warnedMs: number | null = null

  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly runtime: Runtime
      readonly facts: Facts
      readonly boots: Pick<BootFacts, 'of'>
      readonly addresses: Pick<Addresses, 'probed'>
      readonly ownPlaces: { readonly apart: () => Warning | null }
      /** Why an engine that is silent is out of reach; null if it is not. */
      readonly outOfReach: { readonly of: (engine: Engine) => OutOfReach | null }
      /** What the settings hold that nobody may read, such as values that engines are started with. */
      readonly secrets: readonly string[]
      readonly warnings: Warnings
      readonly onError: OnError
    },
  ) {
    const { clock, onError } = deps
    const work = (): Promise<void> => this.#round()
    this.#loop = new Loop({ clock, intervalMs: LOOK_MS, first: 'later', work, onError })
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  /** Reports on an engine that has failed, or is about to, before it was ready. Never throws for a silent Docker. */
  async of(engine: Engine): Promise<FailureReport> {
    const { silence, log } = await this.#within(async (signal) => ({
      silence: await this.#silenceOf(engine, signal),
      log: await this.#logOf(engine, signal),
    }))
    if (silence === null) return { why: endOf(log), log, isBeyondUs: false }
    const place = this.#placeToBlame(engine, silence)
    if (place === null) this.#warn(engine, silence)
    const cause = place === null ? silenceRemedy(silence) : `${place.message}; ${place.remedy}`
    const isBeyondUs = place !== null && this.deps.outOfReach.of(engine)?.of === 'us'
    return { why: `${silenceInWords(silence)}; ${cause}`, log, isBeyondUs }
  }

  /**
   * Why the engine is silent where it is, rather than by its own fault; null if its place is not to blame. Its own tables may
   * show that it would be silent anywhere; but one that makes way for another is replaced anyhow.
   */
  #placeToBlame(engine: Engine, silence: Silence): Warning | null {
    const { ownPlaces, outOfReach } = this.deps
    const found = outOfReach.of(engine)
    if (found?.of === 'us' && found.isMoving) return ELSEWHERE
    return isHopeless(silence) ? null : ownPlaces.apart()
  }

  /** Asks questions that end together after their time, or when the loop is stopped. */
  async #within<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const questions = new AbortController()
    const cancel = this.deps.clock.after(QUESTIONS_MS, () => questions.abort())
    try {
      return await ask(AbortSignal.any([questions.signal, this.#loop.signal]))
    } finally {
      cancel()
    }
  }

  async #round(): Promise<void> {
    const { store, clock } = this.deps
    const engines = liveEngines(store.db)
    keepOnly(this.#looks, new Set(engines.map(({ id }) => id)))
    const warnedMs = this.#warnedMs
    if (warnedMs !== null && engines.some(({ readyAt }) => readyAt !== null && readyAt > warnedMs))
      this.#clear()
    for (const engine of engines.filter((each) => this.#isDue(each))) {
      this.#looks.set(engine.id, clock.now())
      const silence = await this.#within((signal) => this.#silenceOf(engine, signal))
      const now = engineById(store.db, engine.id)
      const isStill = now !== undefined && isLive(now) && now.status === 'starting'
      if (isStill && silence !== null && isHopeless(silence) && this.#placeToBlame(now, silence) === null)
        this.#warn(engine, silence)
    }
  }

  /** Whether the engine has been silent since its start, for long enough, and was not looked at recently. */
  #isDue(engine: Engine): boolean {
    const { clock, facts } = this.deps
    const sinceMs = facts.probedSinceMs(engine.id, generationOf(engine))
    if (!isSilent(engine) || sinceMs === null) return false
    const lookedMs = this.#looks.get(engine.id) ?? Number.NEGATIVE_INFINITY
    return clock.now() - sinceMs >= PATIENCE_MS && clock.now() - lookedMs >= AGAIN_MS
  }

  /** What is known of an engine that runs and is silent; null of any other engine. */
  async #silenceOf(engine: Engine, signal: AbortSignal): Promise<Silence | null> {
    if (!isSilent(engine)) return null
    const { boots, addresses, runtime } = this.deps
    const { commands } = runtime
    const fact = boots.of(engine.id, generationOf(engine))
    return {
      asked: addresses.probed(engine),
      probes: fact && { count: fact.probes, error: fact.error },
      httpPort: engine.httpPort,
      isKnownImage: recipeFor(engine.image) !== null,
      otherPorts: this.#otherPorts(engine),
      listens: commands && (await listenersOf(engine, { ...this.deps, commands }, signal)),
    }
  }

  #otherPorts(engine: Engine): readonly number[] {
    const { httpsPort, apiPort, p2pPort, networkContainerId } = engine
    const own = [httpsPort, apiPort ?? 0, p2pPort ?? 0, ...FIXED_PORTS]
    if (networkContainerId === null) return own
    const isNeighbour = (each: Engine) =>
      each.id !== engine.id && each.networkContainerId === networkContainerId
    const neighbours = liveEngines(this.deps.store.db).filter(isNeighbour)
    return [...own, ...GLUETUN_PORTS, ...neighbours.flatMap(leasesOf).map(({ port }) => port)]
  }

  async #logOf({ containerId, request }: Engine, signal: AbortSignal): Promise<readonly string[]> {
    const { runtime, secrets } = this.deps
    const text = await answerOf(runtime.logs(containerId ?? '', LOG, signal))
    const isText = text !== null && text !== 'silent'
    return isText ? logExcerpt(text, [...secrets, ...secretValues(request.env)]) : []
  }

  #warn({ name, image }: Engine, silence: Silence): void {
    const { clock, warnings } = this.deps
    this.#warnedMs = clock.now()
    warnings.tell('engine_silent', {
      message: `${name} (image ${image}) does not answer since its start: ${silenceInWords(silence)}`,
      remedy: silenceRemedy(silence),
    })
  }

  #clear(): void {
    this.#warnedMs = null
    this.deps.warnings.tell('engine_silent', null)
  }
}

const ELSEWHERE: Warning = {
  message: 'it is in no network of Roundhouse',
  remedy: 'another one takes its place, where Roundhouse reaches it',
}

const endOf = (log: readonly string[]): string => {
  const last = log.at(-1)
  return last === undefined ? '' : `its log ends with: ${last}`
}

/** Whether the engine runs and has never answered. */
const isSilent = (engine: Engine): boolean =>
  engine.status === 'starting' && engine.readyAt === null && isProbed(engine)
