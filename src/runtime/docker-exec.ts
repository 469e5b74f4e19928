import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { readExec, readId } from './docker-answers.ts'
import type { DockerContainer } from './docker-connection.ts'
import { dockerWords, isDockers, statusOf } from './docker-failures.ts'
import { type CommandResult, OUTPUT_BYTES_MAX, RuntimeFailure } from './runtime.ts'

/** Each piece of output starts with a header of eight bytes: which stream it belongs to, three zeros, and its length. */
const HEADER_BYTES = 8

/**
 * How many raw bytes are kept at most: the output and its headers, which take much space if the output comes in tiny pieces.
 */
const RAW_BYTES_MAX = OUTPUT_BYTES_MAX * 4

const EXIT_POLL_MS = 50

/** Runs a command in the container and waits for its end. Throws what dockerode throws, or a RuntimeFailure. */
export async function execIn(
  container: DockerContainer,
  command: readonly string[],
  abortSignal: AbortSignal,
): Promise<CommandResult> {
  const attached = { AttachStdout: true, AttachStderr: true }
  const exec = await container.exec({ abortSignal, Cmd: [...command], ...attached }).catch(notRunning)
  readId(exec)
  const raw = await readToEnd(await exec.start({ abortSignal }).catch(notRunning), abortSignal)
  for (;;) {
    // The output may end some moments before Docker knows of the exit.
    const { Running, ExitCode } = readExec(await exec.inspect({ abortSignal }))
    if (!Running && ExitCode !== null) return { exitCode: ExitCode, output: outputIn(raw) }
    await delay(EXIT_POLL_MS, undefined, { signal: abortSignal })
  }
}

/**
 * Translates a 409: the container is stopped, paused or restarting. This is decided here, because for a restarting container
 * Docker uses the same words as for a network container that restarts.
 */
function notRunning(error: unknown): never {
  if (statusOf(error) !== 409 || !isDockers(error)) throw error
  throw new RuntimeFailure('refused', `No command can run there now: ${dockerWords(error)}.`, {
    cause: error,
  })
}

/**
 * Reads the output to its end and returns its beginning. A stream that broke off counts as ended, because the call for the
 * exit code notices the reason.
 */
function readToEnd(stream: Readable, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let size = 0
  const cut = () => stream.destroy()
  signal.addEventListener('abort', cut, { once: true })
  stream.on('data', (chunk: Buffer) => {
    if (size < RAW_BYTES_MAX) chunks.push(chunk)
    size += chunk.length
  })
  stream.on('error', reject)
  const done = () => resolve(Buffer.concat(chunks))
  stream.on('end', done)
  stream.on('close', done)
  return promise.finally(() => signal.removeEventListener('abort', cut))
}

/** Returns the output of both streams in the order in which it came, without the headers. */
function outputIn(raw: Buffer): string {
  const pieces: Buffer[] = []
  for (let at = 0; at + HEADER_BYTES <= raw.length; ) {
    const end = at + HEADER_BYTES + raw.readUInt32BE(at + 4)
    pieces.push(raw.subarray(at + HEADER_BYTES, end))
    at = end
  }
  const bytes = Buffer.concat(pieces).subarray(0, OUTPUT_BYTES_MAX)
  // Decodes as a stream, so that a character that is cut in two is left out.
  return new TextDecoder().decode(bytes, { stream: true })
}
