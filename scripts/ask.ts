/**
 * Asks a server on behalf of the shell scripts. It uses Bun, so that neither curl nor the Docker client is needed. Exit code
 * 0 means yes, 1 means no.
 *
 *     bun scripts/ask.ts http <url> [seconds] [pid]            does the URL answer with 2xx?
 *     bun scripts/ask.ts docker <DOCKER_HOST> [seconds] [pid]  does a Docker Engine answer there?
 *     bun scripts/ask.ts port <address> <port> [seconds]       can a server listen there? prints why not
 *     bun scripts/ask.ts count <DOCKER_HOST> <key=value>       prints how many containers have this label
 *
 * With seconds, it asks until the answer is yes, the time is over, or the process has ended. Exit code 2 means that the
 * arguments are wrong.
 */

interface Address {
  readonly url: string
  readonly unix?: string
}

interface Patience {
  readonly seconds: number
  /** Asking stops when this process has ended; null to ignore processes. */
  readonly pid: number | null
}

const POLL_MS = 200
const REQUEST_TIMEOUT_MS = 5_000

main(process.argv.slice(2)).then((code) => process.exit(code))

async function main([verb, target, third, fourth]: string[]): Promise<number> {
  const patience = { seconds: Number(third ?? 0), pid: fourth === undefined ? null : Number(fourth) }
  if (target === undefined) return usage()
  if (verb === 'http') return (await answers({ url: target }, patience)) ? 0 : 1
  if (verb === 'docker') return (await answers(engineAddress(target, '/_ping'), patience)) ? 0 : 1
  if (third === undefined) return usage()
  if (verb === 'port') return (await isFree(target, Number(third), Number(fourth ?? 0))) ? 0 : 1
  return verb === 'count' ? count(target, third) : usage()
}

async function count(dockerHost: string, label: string): Promise<number> {
  if (!label.includes('=')) return usage()
  console.log((await labelled(dockerHost, label)).length)
  return 0
}

function usage(): number {
  console.error(
    'Usage: bun scripts/ask.ts http|docker <address> [seconds] [pid] | port <address> <port> [seconds]' +
      ' | count <address> <key=value>',
  )
  return 2
}

async function answers(address: Address, { seconds, pid }: Patience): Promise<boolean> {
  const deadline = Date.now() + seconds * 1_000
  for (;;) {
    if (await answersOnce(address)) return true
    if (Date.now() >= deadline || (pid !== null && !runs(pid))) return false
    await Bun.sleep(POLL_MS)
  }
}

async function answersOnce({ url, ...transport }: Address): Promise<boolean> {
  try {
    return (await fetch(url, { ...transport, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })).ok
  } catch {
    return false
  }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Reads a DOCKER_HOST: `unix:///path` and a bare path are sockets, `tcp://host:port` is plain HTTP. */
function engineAddress(dockerHost: string, path: string): Address {
  if (dockerHost.startsWith('tcp://')) {
    return { url: `${dockerHost.replace('tcp://', 'http://').replace(/\/$/, '')}${path}` }
  }
  return { url: `http://localhost${path}`, unix: dockerHost.replace('unix://', '') }
}

/** Tries until the port is free, because the program that has it may be about to end. Prints the reason if it is not. */
async function isFree(hostname: string, port: number, seconds: number): Promise<boolean> {
  const deadline = Date.now() + seconds * 1_000
  for (;;) {
    const code = listeningFault(hostname, port)
    if (code === null) return true
    if (code !== 'EADDRINUSE' || Date.now() >= deadline) {
      console.log(WHY_NOT[code] ?? code)
      return false
    }
    await Bun.sleep(POLL_MS)
  }
}

/** Why nobody can listen on a port, by the system's code. */
const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has this port',
  EACCES: 'this user may not use a port below 1024',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'this machine has no such address',
}

/** Listens for a moment. Returns the system's code if that is not possible, otherwise null. */
function listeningFault(hostname: string, port: number): string | null {
  try {
    Bun.listen({ hostname, port, exclusive: true, socket: { data() {} } }).stop(true)
    return null
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

/** The ids of all containers with a label, running or not. */
async function labelled(dockerHost: string, label: string): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }))
  return containerIds(await read(dockerHost, `/containers/json?all=1&filters=${filters}`))
}

function containerIds(answer: unknown): string[] {
  const rows: unknown[] = Array.isArray(answer) ? answer : []
  return rows.flatMap((row) =>
    typeof row === 'object' && row !== null && 'Id' in row && typeof row.Id === 'string' ? [row.Id] : [],
  )
}

async function read(dockerHost: string, path: string): Promise<unknown> {
  const { url, ...transport } = engineAddress(dockerHost, path)
  const response = await fetch(url, { ...transport, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
  const body = await response.text()
  if (!response.ok) throw new Error(`Docker refused GET ${path}: ${body.trim()}`)
  return JSON.parse(body)
}
