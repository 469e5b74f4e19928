/**
 * Asks a server on behalf of the shell scripts. It uses Bun, so that neither curl nor the Docker client is needed. Exit code
 * 0 means yes, 1 means no.
 *
 *     bun scripts/ask.ts http <url> [seconds] [pid]            does the URL answer with 2xx?
 *     bun scripts/ask.ts docker <DOCKER_HOST> [seconds] [pid]  does a Docker Engine answer there?
 *     bun scripts/ask.ts sweep <DOCKER_HOST> <key=value>       remove every container with this label; prints how many
 *
 * With seconds, it asks until the answer is yes, the time is over, or the process has ended.
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
const REMOVAL_TIMEOUT_MS = 60_000

main(process.argv.slice(2)).then((code) => process.exit(code))

async function main([verb, target, third, fourth]: string[]): Promise<number> {
  const patience = { seconds: Number(third ?? 0), pid: fourth === undefined ? null : Number(fourth) }
  if (target === undefined) return usage()
  if (verb === 'http') return (await answers({ url: target }, patience)) ? 0 : 1
  if (verb === 'docker') return (await answers(engineAddress(target, '/_ping'), patience)) ? 0 : 1
  if (verb === 'sweep' && third?.includes('=')) return sweep(target, third)
  return usage()
}

function usage(): number {
  console.error(
    'Usage: bun scripts/ask.ts http|docker <address> [seconds] [pid] | sweep <address> <key=value>',
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

async function sweep(dockerHost: string, label: string): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }))
  const ids = containerIds(await call(dockerHost, 'GET', `/containers/json?all=1&filters=${filters}`))
  for (const id of ids) await call(dockerHost, 'DELETE', `/containers/${id}?force=1&v=1`)
  console.log(ids.length)
  return 0
}

function containerIds(answer: unknown): string[] {
  const rows: unknown[] = Array.isArray(answer) ? answer : []
  return rows.flatMap((row) =>
    typeof row === 'object' && row !== null && 'Id' in row && typeof row.Id === 'string' ? [row.Id] : [],
  )
}

async function call(dockerHost: string, method: string, path: string): Promise<unknown> {
  const { url, ...transport } = engineAddress(dockerHost, path)
  const signal = AbortSignal.timeout(REMOVAL_TIMEOUT_MS)
  const response = await fetch(url, { method, ...transport, signal })
  const body = await response.text()
  // 404 and 409 are accepted: the container is gone, or its removal is already under way.
  if (!response.ok && ![404, 409].includes(response.status)) {
    throw new Error(`Docker refused ${method} ${path}: ${body.trim()}`)
  }
  return response.ok && body !== '' ? JSON.parse(body) : null
}
