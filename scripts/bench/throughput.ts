import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from './harness.ts'
import type { LoadResult } from './load-generator.ts'

/** A server that is put under load. */
export interface Contestant {
  readonly name: string
  readonly url: string
  readonly pid: number
}

/** The results of one round of load. */
export interface Round {
  readonly requestsPerSecond: number
  /** The processor time of the server in microseconds. Other processes disturb it far less than the rate. */
  readonly cpuMicrosPerRequest: number
  /** The 99th percentile of the times to an answer, in milliseconds. */
  readonly p99Ms: number
  /** The share of one processor that the load generator used. */
  readonly generatorBusy: number
}

const CONNECTIONS = 16
const SECONDS = 3
/** Linux counts processor time in hundredths of a second for user space, on every architecture (`USER_HZ`). */
const MICROS_PER_TICK = 10_000

/** Where to register the end of a server. */
type Scope = Pick<Bench, 'defer'>

/** Starts a bare server that answers with `body`, in its own process. */
export async function startRawServer(bench: Scope, folder: string, body: string): Promise<Contestant> {
  const file = join(folder, 'raw-body.json')
  await Bun.write(file, body)
  return spawnServer(bench, 'raw Bun.serve, same bytes', ['raw-server.ts', file])
}

/** Starts a program of this folder that prints its origin when it listens. */
export async function spawnServer(
  bench: Scope,
  name: string,
  [program, ...args]: readonly [string, ...string[]],
): Promise<Contestant> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, program), ...args], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  bench.defer(async () => {
    child.kill()
    await child.exited
  })
  return { name, url: (await firstLine(child.stdout)).trim(), pid: child.pid }
}

/** Puts one server under load for some seconds, from a process of its own. */
export async function loadRound(bench: Bench, { url, pid }: Contestant): Promise<Round> {
  bench.signal.throwIfAborted()
  const generator = join(import.meta.dir, 'load-generator.ts')
  const cpuBefore = await cpuMicros(pid)
  const child = Bun.spawn([process.execPath, generator, url, String(CONNECTIONS), String(SECONDS)], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
    signal: bench.signal,
  })
  const [output, code] = await Promise.all([child.stdout.text(), child.exited])
  if (code !== 0) throw new Error(`the load generator ended with ${code} at ${url}`)
  const { rate, all, p99Ms, busy }: LoadResult = JSON.parse(output)
  const cpu = (await cpuMicros(pid)) - cpuBefore
  return { requestsPerSecond: rate, cpuMicrosPerRequest: cpu / all, p99Ms, generatorBusy: busy }
}

/** User and system time of a process with all its threads, in microseconds. */
const cpuMicros = (pid: number): Promise<number> => microsIn(`/proc/${pid}/stat`)

/** User and system time of only the first thread of a process, in microseconds. */
export const mainThreadMicros = (pid: number): Promise<number> => microsIn(`/proc/${pid}/task/${pid}/stat`)

/** The resident memory of a process in MB. */
export function residentMb(pid: number): number {
  const [, kb = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kb) / 1_024
}

/** Reads fields 14 and 15 of proc(5). */
async function microsIn(file: string): Promise<number> {
  const stat = await Bun.file(file).text()
  // The second field is the program's name in parentheses, which may contain blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK
}

async function firstLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes('\n')) return text
  }
  throw new Error('the raw server ended without a word')
}
