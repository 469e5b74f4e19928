import type { Readable } from 'node:stream'
import { knownMask, type Mask, secretValues } from '../core/secrets.ts'
import { readOutput } from './docker-answers.ts'
import { callDocker, type DockerCall } from './docker-call.ts'
import { askDocker, type DockerClient } from './docker-connection.ts'
import { Demultiplexer, LogLines, readToEnd } from './docker-streams.ts'
import { logText, plainLog } from './log-text.ts'
import {
  LOG_LINE_BYTES_MAX,
  type LogBounds,
  type LogHandlers,
  type LogPart,
  RuntimeFailure,
} from './runtime.ts'

/** How many bytes are kept for each that may be shown, because some of them are taken out. */
const RAW_FACTOR = 4

/** Reads the end of a container's log. Throws what dockerode throws, or an Error if the answer broke off. */
export async function logsOf(
  docker: DockerClient,
  id: string,
  { bytes, isTimed = false, ...part }: LogBounds,
  abortSignal: AbortSignal,
): Promise<string> {
  const log = await openContainerLog(docker, id, { ...part, isTimed }, abortSignal)
  return logText(await textOf(log, bytes, abortSignal), bytes, log.mask)
}

/**
 * Reads an open log to its end. Returns its last part, which has enough for this many bytes when it is made fit to be shown.
 * Throws an Error if it broke off.
 */
export async function textOf(
  { stream, pieces }: OpenLog,
  bytes: number,
  signal: AbortSignal,
): Promise<string> {
  const tail = new Tail(bytes * RAW_FACTOR)
  const isWhole = await readToEnd(stream, signal, (chunk) => {
    for (const piece of pieces(chunk)) tail.push(piece)
  })
  if (!isWhole) throw new Error('The log broke off.')
  return tail.text()
}

/** A call that opens a log. Its deadline holds for opening only. */
export type FollowCall = DockerCall & { readonly signal: AbortSignal }

/** Follows a container's log, and ends like `Runtime.followLog`. */
export async function followLogOf(
  docker: DockerClient,
  { id, part, call }: { readonly id: string; readonly part: LogPart; readonly call: FollowCall },
  handlers: LogHandlers,
): Promise<void> {
  const open = (signal: AbortSignal) =>
    openContainerLog(docker, id, { ...part, isTimed: true, follow: 1 }, signal)
  await followOpened(call, open, handlers)
}

/** Follows the log that `open` opens, and ends like `Runtime.followLog`. The signal that `open` gets closes the log. */
export async function followOpened(
  call: FollowCall,
  open: (signal: AbortSignal) => Promise<OpenLog>,
  { onOpen, onLines }: LogHandlers,
): Promise<void> {
  const closed = new AbortController()
  const close = () => closed.abort()
  try {
    const {
      stream,
      pieces,
      mask,
      before = [],
      isNew = () => true,
    } = await callDocker(call, (signal) => open(AbortSignal.any([signal, closed.signal])))
    if (call.signal.aborted) return
    call.signal.addEventListener('abort', close, { once: true })
    // The stream of a closed connection has to end even if the library does not notice the signal any more.
    closed.signal.addEventListener('abort', () => stream.destroy(), { once: true })
    onOpen()
    const lines = new LogLines(LOG_LINE_BYTES_MAX)
    const told = async (raw: readonly string[]) => {
      if (raw.length > 0) await onLines(raw.map((line) => mask(plainLog(line))))
    }
    await told(before)
    for await (const chunk of chunksOf(stream, call)) {
      const whole = pieces(chunk).flatMap((piece) => lines.push(piece))
      await told(whole.filter(isNew))
    }
    const rest = lines.rest()
    if (rest !== null && isNew(rest)) await told([rest])
  } catch (error) {
    if (!call.signal.aborted) throw error
  } finally {
    call.signal.removeEventListener('abort', close)
    close()
  }
}

/** The chunks of a stream, each read when it is asked for. Throws `unreachable` if the stream breaks off. */
async function* chunksOf(stream: Readable, { address }: DockerCall): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk
  } catch (cause) {
    const message = `The log at Docker at ${address} broke off.`
    throw new RuntimeFailure('unreachable', message, { effect: 'unknown', cause })
  }
}

/** A log that is being read. */
export interface OpenLog {
  readonly stream: Readable
  /** Takes the output out of a chunk of the stream. */
  readonly pieces: (chunk: Buffer) => readonly Buffer[]
  /** Masks what the container's own variables hold that is secret. */
  readonly mask: Mask
  /** Lines that were read before the stream; those of the stream that are among them are left out. */
  readonly before?: readonly string[]
  readonly isNew?: (line: string) => boolean
}

/** Which lines of a log are asked for, and whether each has its time in front of it. */
export type WantedLog = LogPart & { readonly isTimed: boolean; readonly follow?: 1 }

async function openContainerLog(
  docker: DockerClient,
  id: string,
  wanted: WantedLog,
  abortSignal: AbortSignal,
): Promise<OpenLog> {
  const { Config } = readOutput(await docker.getContainer(id).inspect({ abortSignal }))
  const from = { path: `/containers/${id}/logs?`, env: Config.Env ?? [], isTerminal: Config.Tty === true }
  return await openLog(docker, from, wanted, abortSignal)
}

/** Where a log is. */
interface LogSource {
  /** In Docker's API, with a question mark at its end. */
  readonly path: string
  /** The variables of the container. */
  readonly env: readonly string[]
  readonly isTerminal?: boolean
  /** What an error that Docker puts into the log is thrown as; if missing, it is shown as a line. */
  readonly errorOf?: (words: string) => Error
}

/** Opens a log. Throws what dockerode throws. */
export async function openLog(
  docker: DockerClient,
  from: LogSource,
  { lines, sinceMs, isNamed = false, isTimed, follow }: WantedLog,
  abortSignal: AbortSignal,
): Promise<OpenLog> {
  const stream = await askDocker(docker, {
    path: from.path,
    options: {
      ...{ stdout: 1, stderr: 1, tail: lines },
      ...(sinceMs === undefined ? {} : { since: (sinceMs / 1000).toFixed(3) }),
      ...(isTimed ? { timestamps: 1 } : {}),
      ...(follow === undefined ? {} : { follow }),
    },
    isStream: true,
    abortSignal,
  })
  // The output of a terminal is one stream, which has no headers.
  const output = from.isTerminal ? null : new Demultiplexer(isNamed && isTimed, from.errorOf)
  return {
    stream: stream as Readable,
    pieces: (chunk) => output?.push(chunk) ?? [chunk],
    mask: knownMask(secretValues(variablesOf(from.env))),
  }
}

/** The variables of a container by their names. */
const variablesOf = (env: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    env.map((each) => {
      const at = each.indexOf('=')
      return at < 0 ? [each, ''] : [each.slice(0, at), each.slice(at + 1)]
    }),
  )

/** Keeps the last bytes of an output. */
class Tail {
  #pieces: Buffer[] = []
  #size = 0
  #isCut = false

  constructor(private readonly maxBytes: number) {}

  push(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#size += piece.length
    // Joining at every second multiple of the bound keeps the number of pieces small without joining at each of them.
    if (this.#size > this.maxBytes * 2) this.#join()
  }

  /** The output as text; from the start of a line, if its beginning is missing. */
  text(): string {
    const whole = this.#join()
    const start = this.#isCut ? whole.indexOf('\n') + 1 : 0
    return new TextDecoder().decode(whole.subarray(start < whole.length ? start : 0))
  }

  #join(): Buffer {
    const whole = Buffer.concat(this.#pieces)
    const kept = whole.subarray(Math.max(0, whole.length - this.maxBytes))
    this.#isCut ||= kept.length < whole.length
    this.#pieces = [kept]
    this.#size = kept.length
    return kept
  }
}
