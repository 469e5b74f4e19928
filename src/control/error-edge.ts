import type { OnError } from '../lib/guard.ts'
import type { Log } from '../lib/log.ts'

/** What becomes of an error in work that nobody waits for: a line with its stack that says what has failed. */
export const edgeOf =
  (log: Log, what: string): OnError =>
  (error) =>
    log.error({ err: error }, `${what} failed`)
