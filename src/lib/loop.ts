import type { Clock } from './clock.ts'
import type { OnError } from './guard.ts'

export interface LoopOptions {
  readonly clock: Pick<Clock, 'sleep'>
  /** Ends the loop, and the wait between two rounds at once. */
  readonly signal: AbortSignal
  /** Between the end of a round and the beginning of the next, in milliseconds. */
  readonly intervalMs: number
  /** Whether the first round comes at once, or after an interval. */
  readonly first: 'now' | 'later'
  readonly work: () => void | Promise<void>
  readonly onError: OnError
}

/** Works again and again until the signal aborts. A round that fails is reported, and the next one comes all the same. */
export async function loop({ clock, signal, intervalMs, first, work, onError }: LoopOptions): Promise<void> {
  if (first === 'later') await clock.sleep(intervalMs, signal)
  while (!signal.aborted) {
    try {
      await work()
    } catch (error) {
      onError(error)
    }
    await clock.sleep(intervalMs, signal)
  }
}
