import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { type EventMessage, readMessage } from './docker-answers.ts'
import { callDocker, type DockerCall } from './docker-call.ts'
import type { DockerClient } from './docker-connection.ts'
import { NotDockers } from './docker-failures.ts'
import { RuntimeFailure } from './runtime.ts'

/** No event comes near it (labels of some kilobytes); it bounds the memory that a broken stream can take. */
const MAX_LINE_LENGTH = 1024 * 1024

/** Which events of containers, and the bound for the subscription to stand (the stream itself has none). */
export interface Subscription {
  readonly filters: { readonly event: string[]; readonly label?: string[]; readonly container?: string[] }
  readonly call: DockerCall & { readonly signal: AbortSignal }
}

interface StreamHandlers {
  /** See `EventHandlers.onOpen`. */
  readonly onOpen: () => void
  /** One message of the stream. Where it throws, the stream breaks. */
  readonly onMessage: (message: EventMessage) => void
}

/**
 * Follows Docker's event stream; ends like `Runtime.events`. Docker sends the headers just before it adds the listener
 * (moby `api/server/router/system`), so `onOpen` can be some microseconds early: the full look that follows it takes longer.
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

/** Docker says that its events are JSON before the first of them; a page of somebody else is no open stream. */
function ofDocker(stream: Readable & Partial<Pick<IncomingMessage, 'headers'>>): Readable {
  if (/json/i.test(stream.headers?.['content-type'] ?? '')) return stream
  throw new NotDockers('no stream of JSON')
}

/** Resolves when the signal aborts; rejects with `unreachable` however else the stream ends. */
function readEvents(stream: Readable, call: Subscription['call'], handlers: StreamHandlers): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const broken = (cause?: unknown) => {
    const message = `The event stream of Docker at ${call.address} broke off.`
    reject(new RuntimeFailure('unreachable', message, { effect: 'unknown', cause }))
  }
  const onAbort = () => resolve()
  if (call.signal.aborted) return Promise.resolve()
  call.signal.addEventListener('abort', onAbort, { once: true })
  // All three: a killed daemon gives an error, a clean shutdown an end, a destroyed socket a close only.
  stream.on('error', broken)
  stream.on('end', broken)
  stream.on('close', broken)
  // It may have broken before we listened.
  if (stream.destroyed) broken()

  handlers.onOpen()
  const lines = new LineSplitter()
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    try {
      for (const line of lines.push(chunk)) handlers.onMessage(readMessage(JSON.parse(line)))
    } catch (error) {
      // What cannot be read, or threw in the handler, may have been a change of ours: a gap, which only a new
      // subscription with a full look closes.
      broken(error)
      stream.destroy()
    }
  })
  return promise.finally(() => {
    call.signal.removeEventListener('abort', onAbort)
    stream.destroy()
  })
}

/** Cuts a stream of text into its lines, wherever the chunks end; empty lines are left out. */
class LineSplitter {
  #rest = ''

  /** The lines that this chunk completes. Throws when an unfinished line exceeds the bound. */
  push(chunk: string): string[] {
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > MAX_LINE_LENGTH) throw new Error(`A line exceeds ${MAX_LINE_LENGTH} characters.`)
    return lines.map((line) => line.trim()).filter((line) => line !== '')
  }
}
