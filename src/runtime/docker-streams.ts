import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { NotDockers } from './docker-failures.ts'

/** Each piece of output starts with a header of eight bytes: which stream it belongs to, three zeros, and its length. */
const HEADER_BYTES = 8
const BLANK = 0x20
/** The numbers of stderr and of Docker's own errors in a header, and how each output is named. */
const STDERR = 2
const DOCKERS_ERROR = 3
const NAMES = { stdout: Buffer.from('stdout '), stderr: Buffer.from('stderr ') } as const

/**
 * The longest line that is accepted. The messages of Docker are far shorter (labels of some kilobytes), so this bounds the
 * memory that a broken stream can take.
 */
const MAX_LINE_LENGTH = 1024 * 1024

/**
 * Checks that a stream comes from Docker, which declares JSON in its headers before the first message. Throws NotDockers
 * otherwise.
 */
export function ofDocker(stream: Readable & Partial<Pick<IncomingMessage, 'headers'>>): Readable {
  if (/json/i.test(stream.headers?.['content-type'] ?? '')) return stream
  throw new NotDockers('no stream of JSON')
}

/**
 * Hands every chunk of a stream to `onChunk`. Resolves at its end, with false if it broke off before. Rejects with what
 * `onChunk` throws. The stream is destroyed if the signal aborts or anything fails; a whole one leaves its connection for the
 * next call.
 */
export function readToEnd(
  stream: Readable,
  signal: AbortSignal,
  onChunk: (chunk: Buffer) => void,
): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const cut = () => stream.destroy()
  signal.addEventListener('abort', cut, { once: true })
  stream.on('error', reject)
  stream.on('end', () => resolve(true))
  stream.on('close', () => resolve(false))
  stream.on('data', (chunk: Buffer) => {
    try {
      onChunk(chunk)
    } catch (error) {
      reject(error)
    }
  })
  return promise.finally(() => {
    signal.removeEventListener('abort', cut)
    if (!stream.readableEnded) stream.destroy()
  })
}

/** Splits a stream of text into lines, wherever the chunks end. Leaves out empty lines. */
export class LineSplitter {
  #rest = ''

  /** Returns the lines that this chunk completes. Throws NotDockers if an unfinished line exceeds the bound. */
  push(chunk: string): string[] {
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > MAX_LINE_LENGTH) throw new NotDockers('a line without an end')
    return lines.map((line) => line.trim()).filter((line) => line !== '')
  }
}

/** Takes the headers out of a stream that carries the stdout and the stderr of a container, wherever the chunks end. */
export class Demultiplexer {
  /** The part of a header that has come. */
  #header = Buffer.alloc(0)
  /** How many bytes of the present piece are still to come. */
  #left = 0
  /** What has to be put after the first blank of the present piece; null if nothing, or if it was. */
  #name: Buffer | null = null
  /** The part of Docker's own error that has come; null if the present piece is output. */
  #error: Buffer | null = null

  /**
   * With `isNamed` the name of its output and a blank are put after the first blank of each piece, where its time ends. With
   * `errorOf`, an error that Docker puts into the stream is thrown; otherwise it is output as well.
   */
  constructor(
    private readonly isNamed = false,
    private readonly errorOf: ((words: string) => Error) | null = null,
  ) {}

  /** Returns the output in this chunk, in the order in which it came. */
  push(chunk: Buffer): Buffer[] {
    const pieces: Buffer[] = []
    for (let at = 0; at < chunk.length; ) {
      const end = at + (this.#left > 0 ? this.#left : HEADER_BYTES - this.#header.length)
      const part = chunk.subarray(at, end)
      if (this.#left > 0) {
        this.#left -= part.length
        if (this.#error === null) pieces.push(...this.#named(part))
        else this.#takeError(part)
      } else {
        this.#takeHeader(part)
      }
      at = end
    }
    return pieces
  }

  #takeHeader(part: Buffer): void {
    const header = Buffer.concat([this.#header, part])
    const isWhole = header.length === HEADER_BYTES
    if (isWhole) this.#left = header.readUInt32BE(4)
    if (isWhole && this.errorOf !== null && header[0] === DOCKERS_ERROR) this.#error = Buffer.alloc(0)
    if (isWhole && this.isNamed) this.#name = header[0] === STDERR ? NAMES.stderr : NAMES.stdout
    this.#header = isWhole ? Buffer.alloc(0) : header
  }

  #takeError(part: Buffer): void {
    this.#error = Buffer.concat([this.#error ?? Buffer.alloc(0), part])
    if (this.#left === 0 && this.errorOf !== null) throw this.errorOf(this.#error.toString())
  }

  #named(part: Buffer): Buffer[] {
    const end = this.#name === null ? -1 : part.indexOf(BLANK) + 1
    if (this.#name === null || end <= 0) return [part]
    const name = this.#name
    this.#name = null
    return [part.subarray(0, end), name, part.subarray(end)]
  }
}

const NEWLINE = 0x0a

/** Splits the output of a container into lines, wherever the chunks end. Of each line only the first bytes are kept. */
export class LogLines {
  #pieces: Buffer[] = []
  #size = 0
  #hasBegun = false

  constructor(private readonly maxBytes: number) {}

  /** Returns the lines that this chunk completes, without their newlines. */
  push(chunk: Buffer): string[] {
    const lines: string[] = []
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#add(chunk.subarray(from, end))
      lines.push(this.#take())
      from = end + 1
    }
    if (from < chunk.length) this.#add(chunk.subarray(from))
    return lines
  }

  /** The line that was begun and not completed; null if there is none. */
  rest(): string | null {
    return this.#hasBegun ? this.#take() : null
  }

  #add(part: Buffer): void {
    const kept = part.subarray(0, this.maxBytes - this.#size)
    this.#hasBegun = true
    this.#size += kept.length
    // A copy, because a part would keep the whole chunk in memory.
    if (kept.length > 0) this.#pieces.push(Buffer.from(kept))
  }

  #take(): string {
    const line = new TextDecoder().decode(Buffer.concat(this.#pieces))
    this.#pieces = []
    this.#size = 0
    this.#hasBegun = false
    return line
  }
}
