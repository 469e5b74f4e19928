import type { Clock } from './clock.ts'
import type { OnError } from './guard.ts'
import { Loop } from './loop.ts'

const INTERVAL_MS = 30_000

/** The most that a process at rest takes of one processor. A server that nobody asks takes 0.01. */
const SHARE_AT_REST = 0.05

interface RestingDeps {
  readonly clock: Clock
  /** The time that all threads of the process have spent on processors, in milliseconds. */
  readonly processorMs: () => number
  /** Called after each half minute in which the process was at rest. */
  readonly atRest: () => void
  readonly onError: OnError
}

/** Returns a loop that notices each half minute whether the process has rested. */
export function watchOfRest({ clock, processorMs, atRest, onError }: RestingDeps): Loop {
  let last = { atMs: clock.now(), spentMs: processorMs() }
  const work = (): void => {
    const now = { atMs: clock.now(), spentMs: processorMs() }
    const isAtRest = now.spentMs - last.spentMs <= SHARE_AT_REST * (now.atMs - last.atMs)
    last = now
    if (isAtRest) atRest()
  }
  return new Loop({ clock, intervalMs: INTERVAL_MS, first: 'later', work, onError })
}
