import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { readExec, readId } from './docker-answers.ts'
import type { DockerContainer } from './docker-connection.ts'
import { dockerWords, isDockers, statusOf } from './docker-failures.ts'
import { Demultiplexer, readToEnd } from './docker-streams.ts'
import { type CommandResult, OUTPUT_BYTES_MAX, RuntimeFailure } from './runtime.ts'

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
  const output = await beginningOf(await exec.start({ abortSignal }).catch(notRunning), abortSignal)
  for (;;) {
    // The output may end some moments before Docker knows of the exit.
    const { Running, ExitCode } = readExec(await exec.inspect({ abortSignal }))
    if (!Running && ExitCode !== null) return { exitCode: ExitCode, output }
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
 * Reads the output of both streams to its end and returns its beginning. A stream that broke off counts as ended, because
 * the call for the exit code notices the reason.
 */
async function beginningOf(stream: Readable, signal: AbortSignal): Promise<string> {
  const output = new Demultiplexer()
  const pieces: Buffer[] = []
  let size = 0
  await readToEnd(stream, signal, (chunk) => {
    for (const piece of output.push(chunk)) {
      if (size < OUTPUT_BYTES_MAX) pieces.push(piece)
      size += piece.length
    }
  })
  const bytes = Buffer.concat(pieces).subarray(0, OUTPUT_BYTES_MAX)
  // Decodes as a stream, so that a character that is cut in two is left out.
  return new TextDecoder().decode(bytes, { stream: true })
}
