import { translateDockerError } from './docker-failures.ts'
import type { FailedCall } from './docker-refusals.ts'
import { RuntimeFailure } from './runtime.ts'

/** One call to Docker, with its deadline and its abort signal. */
export interface DockerCall extends FailedCall {
  readonly deadlineMs: number
  /** What was missed at the deadline, if that is not `what`, as the rest of "Docker did not …". */
  readonly due?: string
  /** The caller's signal to give the call up. */
  readonly signal: AbortSignal | undefined
}

/**
 * Calls `ask` and returns its result, or throws a RuntimeFailure. The call ends at its deadline or when the caller aborts,
 * even if the library never settles (dockerode 5.0.1 does not settle when an answer breaks off in the middle). The signal
 * that `ask` receives aborts at the same time, so that the socket is closed. With `renew`, `ask` begins the time anew.
 */
export async function callDocker<T>(
  call: DockerCall,
  ask: (signal: AbortSignal, renew: () => void) => Promise<T>,
): Promise<T> {
  if (call.signal?.aborted) throw endedByCaller(call, 'none')
  const ended = new AbortController()
  const cut = Promise.withResolvers<never>()
  const end = (failure: RuntimeFailure) => {
    // Rejects before aborting: the library's own AbortError must not win the race.
    cut.reject(failure)
    ended.abort(failure)
  }
  const onAbort = () => end(endedByCaller(call, 'unknown'))
  const timer = setTimeout(() => end(deadlinePassed(call)), call.deadlineMs)
  call.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([cut.promise, ask(ended.signal, () => timer.refresh())])
  } catch (error) {
    throw translateDockerError(error, call)
  } finally {
    clearTimeout(timer)
    call.signal?.removeEventListener('abort', onAbort)
  }
}

function endedByCaller(call: DockerCall, effect: 'none' | 'unknown'): RuntimeFailure {
  return new RuntimeFailure('unreachable', `The request to ${call.what} was given up.`, { effect })
}

function deadlinePassed(call: DockerCall): RuntimeFailure {
  const message = `Docker at ${call.address} did not ${call.due ?? call.what} within ${call.deadlineMs} ms.`
  return new RuntimeFailure('unreachable', message, { effect: 'unknown' })
}
