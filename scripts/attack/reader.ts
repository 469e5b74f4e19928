/**
 * Asks the same questions as acexy, in a process of its own, until its input ends: `bun reader.ts URL BARE_URL
 * CONTAINER_IDS`. Prints its Readings as JSON. It asks on a kept connection and on new connections, and on a kept connection
 * to a bare server, which shows how much the machine itself delays an answer.
 */

import { KeepAliveConnection } from '../bench/keep-alive-connection.ts'
import { epochMs } from './target.ts'

/** When a question was asked, in epoch milliseconds, and how many milliseconds its answer took. */
export type Reading = readonly [atMs: number, tookMs: number]

/** The readings on connections of one kind. */
export interface Lane {
  readonly readings: Reading[]
  /** When a kept connection was closed and the question was asked again on a new one, as Go's client does. */
  readonly reopenedMs: number[]
  /** Questions that got no good answer in the end, and why. */
  readonly failures: { readonly atMs: number; readonly why: string }[]
}

/** The results of the reader. */
export interface Readings {
  readonly kept: Lane
  readonly fresh: Lane
  readonly bare: Lane
}

/** The pause of a lane between an answer and its next question. */
const PAUSE_MS = 10
const FRESH_PAUSE_MS = 25
/** How long acexy waits for an answer. */
const PATIENCE_MS = 3_000

if (import.meta.main) {
  const [url = '', bareUrl = '', containerIds = ''] = process.argv.slice(2)
  const paths = [
    '/engines',
    '/orchestrator/status',
    ...containerIds.split(',').map((id) => `/streams?container_id=${id}&status=started`),
  ]
  const over = inputEnds()
  const readings: Readings = { kept: newLane(), fresh: newLane(), bare: newLane() }
  await Promise.all([
    readKept(readings.kept, { url, paths, over }),
    readFresh(readings.fresh, { url, paths, over }),
    readKept(readings.bare, { url: bareUrl, paths: ['/'], over }),
  ])
  console.log(JSON.stringify(readings))
  process.exit(0)
}

interface Task {
  readonly url: string
  /** The paths, asked in turn. */
  readonly paths: readonly string[]
  readonly over: AbortSignal
}

function newLane(): Lane {
  return { readings: [], reopenedMs: [], failures: [] }
}

function inputEnds(): AbortSignal {
  const over = new AbortController()
  process.stdin.once('end', () => over.abort())
  process.stdin.resume()
  return over.signal
}

async function readKept(lane: Lane, { url, paths, over }: Task): Promise<void> {
  let connection: KeepAliveConnection | null = null
  const ask = async (path: string): Promise<void> => {
    if (connection !== null) {
      const isAnswered = await connection.get(path).then(
        () => true,
        () => false,
      )
      if (isAnswered) return
      lane.reopenedMs.push(epochMs())
    }
    connection = null
    const other = await KeepAliveConnection.open(url)
    connection = other
    await other.get(path)
  }
  for (let turn = 0; !over.aborted; turn++) {
    const isTimely = await read(lane, ask(paths[turn % paths.length] ?? '/'))
    // A late answer would be taken for the answer to the next question.
    if (!isTimely) connection = null
    await Bun.sleep(PAUSE_MS)
  }
}

async function readFresh(lane: Lane, { url, paths, over }: Task): Promise<void> {
  for (let turn = 0; !over.aborted; turn++) {
    await read(lane, askOnce(url, paths[turn % paths.length] ?? '/'))
    await Bun.sleep(FRESH_PAUSE_MS)
  }
}

async function askOnce(url: string, path: string): Promise<void> {
  const connection = await KeepAliveConnection.open(url)
  try {
    await connection.get(path)
  } finally {
    connection.close()
  }
}

/** Times one question. Resolves with whether it was answered in time. */
async function read(lane: Lane, answer: Promise<void>): Promise<boolean> {
  const atMs = epochMs()
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS)
  try {
    await Promise.race([answer, late.promise])
    lane.readings.push([atMs, epochMs() - atMs])
    return true
  } catch (error) {
    lane.failures.push({ atMs, why: error instanceof Error ? error.message : String(error) })
    return false
  } finally {
    clearTimeout(timer)
  }
}
