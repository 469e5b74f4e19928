import type { Refusal } from '../../core/provisioning/refusal.ts'
import type { Clock } from '../../lib/clock.ts'
import type { KnownEnd, LaunchEnd } from './launcher.ts'

/** How a start ended, for counters. */
export interface StartOutcome {
  readonly end: KnownEnd
  /** Milliseconds since the row was committed. */
  readonly tookMs: number
  /** True if a caller waited for the start. */
  readonly isAwaited: boolean
}

export interface Launch {
  /** Resolves with the outcome. If the outcome is unknown, it resolves only when a later look has found it. */
  readonly end: Promise<LaunchEnd>
  readonly resolve: (end: LaunchEnd) => void
  /** Resolves with a refusal for the callers that wait now, while the outcome of the launch is still unknown. */
  readonly refused: Promise<Refusal>
  readonly refuse: (refusal: Refusal) => void
  waiters: number
  readonly sinceMs: number
}

/** The launches that run, and those whose outcome is still unknown. An engine has at most one. */
export class Launches {
  readonly #launches = new Map<string, Launch>()

  constructor(
    private readonly deps: {
      readonly clock: Clock
      /** Called once for every start that this process began, when its end is known. */
      readonly onOutcome: (outcome: StartOutcome) => void
    },
  ) {}

  /** The launch of an engine that a caller could wait for; undefined if there is none. */
  of(engineId: string): Launch | undefined {
    return this.#launches.get(engineId)
  }

  isPending(engineId: string): boolean {
    return this.#launches.has(engineId)
  }

  begin(engineId: string): Launch {
    const { promise: end, resolve } = Promise.withResolvers<LaunchEnd>()
    const { promise: refused, resolve: refuse } = Promise.withResolvers<Refusal>()
    const launch = { end, resolve, refused, refuse, waiters: 0, sinceMs: this.deps.clock.now() }
    this.#launches.set(engineId, launch)
    return launch
  }

  /** Notes how the launch of an engine ended, if it had one. Everybody who still waits for it gets the outcome. */
  settled(engineId: string, end: KnownEnd): void {
    const launch = this.#launches.get(engineId)
    if (launch === undefined) return
    const { clock, onOutcome } = this.deps
    onOutcome({ end, tookMs: clock.now() - launch.sinceMs, isAwaited: launch.waiters > 0 })
    launch.resolve(end)
    this.#launches.delete(engineId)
  }
}
