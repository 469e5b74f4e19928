import type { Readable } from 'node:stream'
import { readOutput } from './docker-answers.ts'
import { askDocker, type DockerClient } from './docker-connection.ts'
import { Demultiplexer, readToEnd } from './docker-streams.ts'
import { logText } from './log-text.ts'
import type { LogBounds } from './runtime.ts'

/** How many bytes are kept for each that may be shown, because some of them are taken out. */
const RAW_FACTOR = 4

/** Reads the end of a container's log. Throws what dockerode throws, or an Error if the answer broke off. */
export async function logsOf(
  docker: DockerClient,
  id: string,
  { lines, bytes }: LogBounds,
  abortSignal: AbortSignal,
): Promise<string> {
  const { Config } = readOutput(await docker.getContainer(id).inspect({ abortSignal }))
  const stream = await askDocker(docker, {
    path: `/containers/${id}/logs?`,
    options: { stdout: 1, stderr: 1, tail: lines },
    isStream: true,
    abortSignal,
  })
  // The output of a terminal is one stream, which has no headers.
  const output = Config.Tty ? null : new Demultiplexer()
  const tail = new Tail(bytes * RAW_FACTOR)
  const isWhole = await readToEnd(stream as Readable, abortSignal, (chunk) => {
    for (const piece of output?.push(chunk) ?? [chunk]) tail.push(piece)
  })
  if (!isWhole) throw new Error('The log broke off.')
  return logText(tail.text(), bytes)
}

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
