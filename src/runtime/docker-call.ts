import { type FailedCall, translateDockerError } from './docker-failures.ts'
import { RuntimeFailure } from './runtime.ts'

/** One question to Docker and its bounds. */
export interface DockerCall extends FailedCall {
  readonly deadlineMs: number
  /** The caller's own end of it. */
  readonly signal: AbortSignal | undefined
}

/**
 * Asks, and gives the answer of `ask`, or throws a RuntimeFailure. Ends at the deadline or the caller's abort
 * even where the library never settles (an answer that breaks off in its middle does that in dockerode
 * 5.0.1); the signal that `ask` gets ends then too, so that the socket is closed.
 */
export async function callDocker<T>(call: DockerCall, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  if (call.signal?.aborted) throw endedByCaller(call, 'none')
  const ended = new AbortController()
  const cut = Promise.withResolvers<never>()
  const end = (failure: RuntimeFailure) => {
    // Reject first: the library's own AbortError must not win the race.
    cut.reject(failure)
    ended.abort(failure)
  }
  const onAbort = () => end(endedByCaller(call, 'unknown'))
  const timer = setTimeout(() => end(deadlinePassed(call)), call.deadlineMs)
  call.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([cut.promise, ask(ended.signal)])
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
  const message = `Docker at ${call.address} did not ${call.what} within ${call.deadlineMs} ms.`
  return new RuntimeFailure('unreachable', message, { effect: 'unknown' })
}
