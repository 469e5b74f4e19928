import type { Readable } from 'node:stream'
import { type EventMessage, readMessage } from './docker-answers.ts'
import { callDocker, type DockerCall } from './docker-call.ts'
import type { DockerClient } from './docker-connection.ts'
import { LineSplitter, ofDocker } from './docker-streams.ts'
import { RuntimeFailure } from './runtime.ts'

/**
 * Which events to follow (of containers, if no `type` is given), and the call that opens the stream. Its deadline holds for
 * opening only; the stream itself has none.
 */
export interface Subscription {
  readonly filters: {
    readonly type?: ('container' | 'service' | 'node')[]
    readonly event?: string[]
    readonly label?: string[]
    readonly container?: string[]
  }
  readonly call: DockerCall & { readonly signal: AbortSignal }
}

interface StreamHandlers {
  /** See `EventHandlers.onOpen`. */
  readonly onOpen: () => void
  /** Receives one message of the stream. If it throws, the stream breaks. */
  readonly onMessage: (message: EventMessage) => void
}

/**
 * Follows Docker's event stream, and ends like `Runtime.events`. Docker sends the headers just before it adds its listener
 * (moby `api/server/router/system`), so `onOpen` can be some microseconds early. The full pass that follows it takes longer
 * than that.
 */
export async function followEvents(
  docker: DockerClient,
  { filters, call }: Subscription,
  handlers: StreamHandlers,
): Promise<void> {
  const closed = new AbortController()
  try {
    const stream = await callDocker(call, async (signal) => {
      const abortSignal = AbortSignal.any([signal, closed.signal])
      return ofDocker(await docker.getEvents({ abortSignal, filters: { type: ['container'], ...filters } }))
    })
    await readEvents(stream, call, handlers)
  } catch (error) {
    if (!call.signal.aborted) throw error
  } finally {
    closed.abort()
  }
}

/** Resolves when the signal aborts. Rejects with `unreachable` if the stream ends in any other way. */
function readEvents(stream: Readable, call: Subscription['call'], handlers: StreamHandlers): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const broken = (cause?: unknown) => {
    const message = `The event stream of Docker at ${call.address} broke off.`
    reject(new RuntimeFailure('unreachable', message, { effect: 'unknown', cause }))
  }
  const onAbort = () => resolve()
  if (call.signal.aborted) return Promise.resolve()
  call.signal.addEventListener('abort', onAbort, { once: true })
  // All three are needed: a killed daemon causes an error, a clean shutdown an end, and a destroyed socket only a close.
  stream.on('error', broken)
  stream.on('end', broken)
  stream.on('close', broken)
  // The stream may have broken before these listeners were added.
  if (stream.destroyed) broken()

  handlers.onOpen()
  const lines = new LineSplitter()
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    try {
      for (const line of lines.push(chunk)) handlers.onMessage(readMessage(JSON.parse(line)))
    } catch (error) {
      // A message that cannot be read, or whose handler threw, may have been a change of our containers. It counts as a gap,
      // which only a new subscription and a full pass can close.
      broken(error)
      stream.destroy()
    }
  })
  return promise.finally(() => {
    call.signal.removeEventListener('abort', onAbort)
    stream.destroy()
  })
}
