import type { OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { RuntimeFailure } from '../../runtime/runtime.ts'
import type { Store } from '../../store/store.ts'

/** Returns the error handler for work that nobody waits for. `what` names the work in the log. */
export type ErrorEdge = (what: string) => OnError

/**
 * Creates error handlers. An outage of the storage or of Docker is only logged at debug level: the component that watches it
 * reports it once, and the failed work is done again later. Any other error is a defect and is logged with its stack.
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
