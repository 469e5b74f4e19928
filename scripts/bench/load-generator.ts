/**
 * Asks one URL over and over, on several connections at once, in a process of its own: `bun load-generator.ts URL
 * CONNECTIONS SECONDS`. Prints its LoadResult as JSON.
 *
 * The generator is lean on purpose (no promises, no copies): if it were slower than the servers, they would look alike.
 */

import { answerHead } from './answer-head.ts'
import { spread } from './statistics.ts'

/** The results of the generator. */
export interface LoadResult {
  /** Answers per second after the warm-up. */
  readonly rate: number
  /** The number of all answers, including the warm-up. */
  readonly all: number
  /** The 99th percentile of the times from a question to the end of its answer after the warm-up, in milliseconds. */
  readonly p99Ms: number
  /** The share of one processor that the generator itself used. Near 1, the generator was the bottleneck. */
  readonly busy: number
}

/** One connection that asks, and how many answers it got. */
interface Asker {
  answers: number
  readonly failed: Promise<never>
  readonly close: () => void
}

const WARM_UP_MS = 500

if (import.meta.main) {
  const [url = '', connections = '', seconds = ''] = process.argv.slice(2)
  console.log(JSON.stringify(await generate(new URL(url), Number(connections), Number(seconds))))
  process.exit(0)
}

async function generate(url: URL, connections: number, seconds: number): Promise<LoadResult> {
  const times: number[] = []
  const askers = await Promise.all(Array.from({ length: connections }, () => startAsking(url, times)))
  const failed = Promise.race(askers.map((asker) => asker.failed))
  const answers = () => askers.reduce((sum, asker) => sum + asker.answers, 0)
  await Promise.race([failed, Bun.sleep(WARM_UP_MS)])
  times.length = 0
  const before = { answers: answers(), atMs: performance.now(), cpu: process.cpuUsage() }
  await Promise.race([failed, Bun.sleep(seconds * 1000)])
  const counted = answers() - before.answers
  const tookMs = performance.now() - before.atMs
  const { user, system } = process.cpuUsage(before.cpu)
  for (const asker of askers) asker.close()
  const { p99 } = spread(times)
  return {
    rate: (counted / tookMs) * 1000,
    all: answers(),
    p99Ms: p99,
    busy: (user + system) / 1000 / tookMs,
  }
}

/**
 * Opens a connection that asks again after each answer, until it is closed or an answer is not a 200. Adds the milliseconds of
 * each answer to `times`.
 */
async function startAsking({ hostname, port, host, pathname, search }: URL, times: number[]): Promise<Asker> {
  const question = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  const failure = Promise.withResolvers<never>()
  const fail = (error: Error) => failure.reject(error)
  let missing = 0
  let askedMs = 0
  const asker = { answers: 0, failed: failure.promise, close: () => socket.end() }
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (own, chunk) => {
        try {
          missing = (missing === 0 ? lengthOf(chunk) : missing) - chunk.length
        } catch (error) {
          return fail(error instanceof Error ? error : new Error(String(error)))
        }
        if (missing > 0) return
        asker.answers++
        const nowMs = performance.now()
        times.push(nowMs - askedMs)
        askedMs = nowMs
        own.write(question)
      },
      close: () => fail(new Error('the server closed a connection')),
      error: (_, error) => fail(error),
    },
  })
  askedMs = performance.now()
  socket.write(question)
  return asker
}

/** How many bytes the answer has that begins with this chunk. Both servers write a whole head at once. */
function lengthOf(chunk: Buffer): number {
  const head = answerHead(chunk)
  if (head?.status !== 200) throw new Error(`not the head of a 200: ${chunk.toString('latin1', 0, 200)}`)
  return head.end
}
