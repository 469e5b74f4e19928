import type { OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { RuntimeFailure } from '../../runtime/runtime.ts'
import type { Store } from '../../store/store.ts'

/** Gives what becomes of an error in work that nobody waits for; `what` names the work in the log. */
export type ErrorEdge = (what: string) => OnError

/**
 * Outages of the storage and of Docker are told once, by who watches over them, and what failed for their sake is done again later
 * anyway; everything else is a defect, and a line with its stack.
 */
export const createEdge =
  (store: Pick<Store, 'failed'>, log: Log): ErrorEdge =>
  (what) =>
  (error) => {
    const isOutage =
      store.failed(error) !== null || (error instanceof RuntimeFailure && error.code === 'unreachable')
    const { message } = error instanceof Error ? error : { message: String(error) }
    if (isOutage) log.debug({}, `${what}: ${message}`)
    else log.error({ err: error }, `${what} failed`)
  }
