import { PassThrough, Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { DockerClient } from './docker-connection.ts'
import { type FollowCall, followOpened, type OpenLog, openLog, textOf } from './docker-logs.ts'
import { LogLines } from './docker-streams.ts'
import { logText } from './log-text.ts'
import {
  LOG_LINE_BYTES_MAX,
  type LogBounds,
  type LogHandlers,
  type LogPart,
  RuntimeFailure,
} from './runtime.ts'
import type { SwarmService } from './swarm-answers.ts'
import { serviceOf, taskOf, tasksOf } from './swarm-services.ts'
import { hasEnded, inOrder } from './swarm-tasks.ts'

/** How many bytes the time of a line and the name of its output take at most. */
const HEAD_BYTES = 64

/** How much of what was written before is told to somebody who follows a log. */
const BEFORE_BYTES = 1024 * 1024

/** How often to look whether the container has ended, and how long nothing must have come then. */
const LOOK_MS = 500

/**
 * Reads the end of the log of a service. A manager gives the lines of its tasks task by task, in no order of the tasks, so
 * they are put in the order of their times. Throws what dockerode throws, or an Error if the answer broke off.
 */
export async function serviceLogsOf(
  docker: DockerClient,
  id: string,
  { bytes, isTimed = false, isNamed = false, ...part }: LogBounds,
  abortSignal: AbortSignal,
): Promise<string> {
  const service = await serviceOf(docker, id, abortSignal)
  const log = await openServiceLog(docker, service, { ...part, isNamed: isNamed && isTimed }, abortSignal)
  const text = await textOf(log, bytes + part.lines * HEAD_BYTES, abortSignal)
  const lines = lastInOrder(text, part.lines).map((line) =>
    isTimed ? line : line.slice(line.indexOf(' ') + 1),
  )
  return logText(lines.join(''), bytes, log.mask)
}

/**
 * Follows the log of a service until its container ends, and ends like `Runtime.followLog`. The manager itself would follow it
 * for as long as the service is there.
 */
export async function followServiceLog(
  docker: DockerClient,
  { id, part, call }: { readonly id: string; readonly part: LogPart; readonly call: FollowCall },
  handlers: LogHandlers,
): Promise<void> {
  await followOpened(call, (signal) => openFollowed(docker, id, part, signal), handlers)
}

/** Reads what all tasks have written, and opens what the newest one writes from then on. */
async function openFollowed(
  docker: DockerClient,
  id: string,
  part: LogPart,
  signal: AbortSignal,
): Promise<OpenLog> {
  const service = await serviceOf(docker, id, signal)
  const newest = inOrder(await tasksOf(docker, service.ID, signal)).at(-1)
  const whole = await openServiceLog(docker, service, part, signal)
  const before = lastInOrder(await textOf(whole, BEFORE_BYTES, signal), part.lines)
  const known = timeOf(before.at(-1) ?? '')
  const log = { ...whole, before: new LogLines(LOG_LINE_BYTES_MAX).push(Buffer.from(before.join(''))) }
  if (newest === undefined || hasEnded(newest)) return { ...log, stream: Readable.from([]) }
  const { stream, pieces } = await openLog(
    docker,
    { path: `/tasks/${newest.ID}/logs?`, env: [], errorOf: notGiven },
    { ...part, ...(known === '' ? {} : { sinceMs: Date.parse(known) }), isTimed: true, follow: 1 },
    signal,
  )
  const isNew = (line: string) => timeOf(line) > known
  return {
    ...log,
    pieces,
    isNew,
    stream: endingWith(stream, () => hasTaskEnded(docker, newest.ID, signal), signal),
  }
}

async function hasTaskEnded(docker: DockerClient, id: string, signal: AbortSignal): Promise<boolean> {
  const task = await taskOf(docker, id, signal)
  return task === null || hasEnded(task)
}

/** The same stream, which ends when `hasEnded` says so and nothing more has come for a while. */
function endingWith(stream: Readable, hasEnded: () => Promise<boolean>, signal: AbortSignal): Readable {
  const ending = new PassThrough()
  let cameMs = performance.now()
  stream.on('data', () => {
    cameMs = performance.now()
  })
  stream.on('error', (error) => ending.destroy(error))
  stream.pipe(ending)
  const watch = async () => {
    do await delay(LOOK_MS, undefined, { signal })
    while (!(await hasEnded()) || performance.now() - cameMs < LOOK_MS)
    ending.end()
  }
  watch().catch((error: unknown) => ending.destroy(error instanceof Error ? error : new Error(String(error))))
  return ending
}

/** Opens the log of all tasks of a service, each line with its time. */
const openServiceLog = (
  docker: DockerClient,
  { ID, Spec }: SwarmService,
  part: LogPart,
  signal: AbortSignal,
) =>
  openLog(
    docker,
    { path: `/services/${ID}/logs?`, env: Spec.TaskTemplate.ContainerSpec?.Env ?? [], errorOf: notGiven },
    { ...part, isTimed: true },
    signal,
  )

/** The last lines of a text in the order of the times in front of them, each with its newline. */
function lastInOrder(text: string, count: number): string[] {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? []
  const isLater = (a: string, b: string) => timeOf(a) > timeOf(b)
  return lines.toSorted((a, b) => (isLater(a, b) ? 1 : isLater(b, a) ? -1 : 0)).slice(-count)
}

/** The time in front of a line. All have the same length, so their order is that of their texts. */
const timeOf = (line: string): string => line.slice(0, Math.max(line.indexOf(' '), 0))

/** The manager asks the node for the log, and puts it into the log if the node does not give it. */
function notGiven(words: string): RuntimeFailure {
  const why = words.replace(/^.*could not be retrieved for the following reasons: /s, '').trim()
  const message = `The log of the container cannot be read where it runs: ${why.slice(0, 300)}.`
  return new RuntimeFailure('unreachable', message, { effect: 'none' })
}
