import { hostPort } from '../../core/host-port.ts'
import { ask, NotAsked } from '../../lib/ask.ts'
import { codeOf } from '../../lib/codes.ts'
import type { Address } from '../protocol.ts'

/** The result of a probe; `error` says in words what went wrong. */
export interface ProbeAnswer {
  readonly ok: boolean
  readonly error: string | null
  /** The address that answered; null if none did. */
  readonly address: Address | null
  /** False if we lacked a resource to ask at one of the addresses, and none of the others answered. */
  readonly isAsked: boolean
}

/**
 * Asks an engine for `get_status` at all its addresses at once, and takes the first good answer: HTTP 200 with a JSON object
 * that has a `result`. Never throws. Ends within `timeoutMs` whatever the engine does, or when `givenUp` aborts.
 */
export async function probe(
  addresses: readonly Address[],
  timeoutMs: number,
  givenUp?: AbortSignal,
): Promise<ProbeAnswer> {
  if (addresses.length === 0) return { ok: false, error: 'no address is known', address: null, isAsked: true }
  const settled = new AbortController()
  const ends = [settled.signal, AbortSignal.timeout(timeoutMs), ...(givenUp === undefined ? [] : [givenUp])]
  const signal = AbortSignal.any(ends)
  try {
    const address = await Promise.any(addresses.map((each) => askAt(each, signal, timeoutMs)))
    return { ok: true, error: null, address, isAsked: true }
  } catch (error) {
    return { ok: false, error: reasons(error), address: null, isAsked: !wasNotAsked(error) }
  } finally {
    settled.abort()
  }
}

async function askAt(address: Address, signal: AbortSignal, timeoutMs: number): Promise<Address> {
  const where = hostPort(address)
  const url = `http://${where}/server/api?api_version=3&method=get_status`
  try {
    const { status, text } = await ask(url, { signal })
    if (status !== 200) throw new Error(`HTTP ${status}`)
    if (!hasResult(text)) throw new Error('an answer without a result')
    return address
  } catch (error) {
    throw new Error(`${where}: ${inWords(error, timeoutMs)}`, { cause: error })
  }
}

function hasResult(text: string): boolean {
  const body = parsed(text)
  return typeof body === 'object' && body !== null && 'result' in body
}

/** Throws an error of its own, because the parser's message may contain what the engine sent. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('an answer that is no JSON')
  }
}

function inWords(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'failed'
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  return SYSTEM_ERRORS[codeOf(error)] ?? error.message
}

/** The messages for system errors: Bun's own messages for these are advice to the user of a browser. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ENOTFOUND: 'no such host',
}

const wasNotAsked = (error: unknown): boolean =>
  error instanceof AggregateError && error.errors.some((each: Error) => each.cause instanceof NotAsked)

const reasons = (error: unknown): string =>
  error instanceof AggregateError ? error.errors.map((each: Error) => each.message).join('; ') : 'failed'
