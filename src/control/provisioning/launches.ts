import type { Refusal } from '../../core/provisioning/refusal.ts'
import type { Clock } from '../../lib/clock.ts'
import type { KnownEnd, LaunchEnd } from './launcher.ts'

/** How a start ended, for who counts. */
export interface StartOutcome {
  readonly end: KnownEnd
  /** From the commit of the row. */
  readonly tookMs: number
  /** A caller waited for it. */
  readonly isAwaited: boolean
}

export interface Launch {
  /** Settles with the outcome; of an unknown one only when a later look has found it out. */
  readonly end: Promise<LaunchEnd>
  readonly resolve: (end: LaunchEnd) => void
  /** Settles when it is known that those who wait now wait in vain, though the outcome is not known. */
  readonly refused: Promise<Refusal>
  readonly refuse: (refusal: Refusal) => void
  waiters: number
  readonly sinceMs: number
}

/** The launches that run, and those whose outcome is still being found out; at most one per engine. */
export class Launches {
  readonly #launches = new Map<string, Launch>()

  constructor(
    private readonly deps: {
      readonly clock: Clock
      /** Called once for every start that this process began, when it is known how it ended. */
      readonly onOutcome: (outcome: StartOutcome) => void
    },
  ) {}

  /** The launch of an engine for which a caller could be made to wait. */
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

  /** It is known how the launch of an engine ended, if there was one: whoever still waits for it hears of it. */
  settled(engineId: string, end: KnownEnd): void {
    const launch = this.#launches.get(engineId)
    if (launch === undefined) return
    const { clock, onOutcome } = this.deps
    onOutcome({ end, tookMs: clock.now() - launch.sinceMs, isAwaited: launch.waiters > 0 })
    launch.resolve(end)
    this.#launches.delete(engineId)
  }
}
