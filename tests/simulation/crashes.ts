import type { Verb } from '../support/memory-faults.ts'
import type { Random } from './random.ts'
import { AWAITS, CHECKPOINTS, SHARED_COMMITS, type Surroundings, weightIn } from './sites.ts'

/**
 * When in a runtime call the process crashes: before the call is made; after its effect and before its answer; or after the
 * answer, when the code that follows has begun.
 */
export const CRASH_PHASES = ['before', 'unanswered', 'answered'] as const
export type CrashPhase = (typeof CRASH_PHASES)[number]

interface Armed {
  readonly where: 'call' | 'timer' | 'checkpoint'
  readonly phase: CrashPhase
  /** Crash only at this place; null for any place. */
  readonly site: string | null
  /** Only calls of these verbs count. */
  readonly verbs: ReadonlySet<Verb>
  skip: number
}

const DEEDS: ReadonlySet<Verb> = new Set<Verb>([
  'create',
  'start',
  'stop',
  'destroy',
  'discard',
  'exec',
  'pull',
])
const LOOKS: ReadonlySet<Verb> = new Set<Verb>([
  'inspect',
  'list',
  'traffic',
  'logs',
  'image',
  'host',
  'usage',
  'forbidden',
  'hosts',
])
const ALL: ReadonlySet<Verb> = new Set<Verb>([...DEEDS, ...LOOKS, 'ping', 'events', 'watchHosts'])

/** Rarely reached places are listed more often, because a crash there waits for a call that may never come. */
const placesIn = (surroundings: Surroundings): readonly string[] =>
  Object.entries(AWAITS).flatMap(([site, weight]) =>
    Array<string>(weightIn(surroundings, site, Math.max(3, Math.min(8, Math.round(weight))))).fill(site),
  )

/** Decides when the orchestrator crashes. Nothing happens until a crash is armed; then the drawn place decides. */
export class CrashPlan {
  #armed: Armed[] = []

  constructor(private readonly random: Random) {}

  /**
   * Arms a crash at one of the next places of some kind. Returns a function that moves a crash that has not happened yet to
   * the next call.
   */
  arm(): () => void {
    const { random } = this
    const where = random.pick(['call', 'call', 'call', 'call', 'timer', 'checkpoint'] as const)
    const phase = random.pick(CRASH_PHASES)
    const verbs = random.pick([DEEDS, DEEDS, DEEDS, LOOKS, ALL] as const)
    const armed: Armed = { where, phase, verbs, site: null, skip: random.int(0, 3) }
    this.#armed.push(armed)
    return () => {
      if (this.#drop(armed)) this.#armed.push({ where: 'call', phase, verbs: ALL, site: null, skip: 0 })
    }
  }

  /** Arms a crash at one place, whenever the production code reaches it. It may outlast other crashes. */
  armAtPlace(surroundings: Surroundings): void {
    const { random } = this
    const phase = random.pick(CRASH_PHASES)
    const places = placesIn(surroundings)
    const site = random.pick([...places, ...CHECKPOINTS, ...SHARED_COMMITS, ...SHARED_COMMITS])
    const where = site !== undefined && site in AWAITS ? 'call' : 'checkpoint'
    this.#armed.push({ where, phase, verbs: ALL, site: site ?? null, skip: 0 })
  }

  /** Call this when the process ended. Armed crashes without a fixed place are dropped. */
  ended(): void {
    this.#armed = this.#armed.filter(({ site }) => site !== null)
  }

  disarm(): void {
    this.#armed = []
  }

  /** Computes `site` only if it is needed. */
  atCall(verb: Verb, site: () => string): CrashPhase | null {
    if (this.#armed.length === 0) return null
    return this.#due(({ where, verbs, site: wanted }) => {
      if (where !== 'call' || !verbs.has(verb)) return false
      return wanted === null || wanted === site()
    })
  }

  atTimer(): boolean {
    return this.#due(({ where }) => where === 'timer') !== null
  }

  atCheckpoint(name: string): boolean {
    return this.#due(({ where, site }) => where === 'checkpoint' && (site === null || site === name)) !== null
  }

  #due(isHere: (armed: Armed) => boolean): CrashPhase | null {
    const due = this.#armed.filter(isHere).find((armed) => armed.skip-- <= 0)
    if (due === undefined) return null
    this.#drop(due)
    return due.phase
  }

  #drop(armed: Armed): boolean {
    const before = this.#armed.length
    this.#armed = this.#armed.filter((each) => each !== armed)
    return this.#armed.length < before
  }
}
