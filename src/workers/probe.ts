import type { Address } from './protocol.ts'

/** Whether an engine answered; `error` says in words what went wrong. */
export interface ProbeAnswer {
  readonly ok: boolean
  readonly error: string | null
  /** The address that answered; null when none did. */
  readonly address: Address | null
}

/**
 * Asks an engine `get_status` at each of its addresses at once, and is content with the first good answer: HTTP 200
 * with a JSON object that has a `result`. Never throws, and ends within `timeoutMs` whatever the engine does.
 */
export async function probe(addresses: readonly Address[], timeoutMs: number): Promise<ProbeAnswer> {
  if (addresses.length === 0) return { ok: false, error: 'no address is known', address: null }
  const settled = new AbortController()
  const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(timeoutMs)])
  try {
    const address = await Promise.any(addresses.map((each) => ask(each, signal, timeoutMs)))
    return { ok: true, error: null, address }
  } catch (error) {
    return { ok: false, error: reasons(error), address: null }
  } finally {
    settled.abort()
  }
}

async function ask(address: Address, signal: AbortSignal, timeoutMs: number): Promise<Address> {
  const where = `${address.host}:${address.port}`
  const url = `http://${where}/server/api?api_version=3&method=get_status`
  try {
    const response = await fetch(url, { signal, redirect: 'manual', keepalive: false })
    if (response.status !== 200) throw new Error(`HTTP ${response.status}`)
    const body: unknown = await response.json()
    if (typeof body !== 'object' || body === null || !('result' in body))
      throw new Error('an answer without a result')
    return address
  } catch (error) {
    throw new Error(`${where}: ${inWords(error, timeoutMs)}`)
  }
}

function inWords(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'failed'
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  const code = 'code' in error ? String(error.code) : ''
  return SYSTEM_ERRORS[code] ?? error.message
}

/** Bun's own words for these are advice to somebody at a browser. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ENOTFOUND: 'no such host',
}

const reasons = (error: unknown): string =>
  error instanceof AggregateError ? error.errors.map((each: Error) => each.message).join('; ') : 'failed'
