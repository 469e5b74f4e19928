import { connect } from 'node:net'
import { ask, BadAnswer, NotAsked } from '../../lib/ask.ts'
import { codeOf } from '../../lib/codes.ts'
import type { Address } from '../protocol.ts'
import { ControlFailure } from './gluetun-problems.ts'

/** How long it may take to see whether somebody takes connections. */
const CONNECT_PATIENCE_MS = 500

/** How a question is asked. */
interface Manner {
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** The asker's own end of it. */
  readonly signal: AbortSignal
}

/**
 * Asks with GET and gives the text of a good answer (200). Throws a ControlFailure for any other, and where none comes within
 * the time. Follows no redirection: the key is for this address alone. The words of the library's errors are not used, since
 * they may hold what was sent.
 */
export async function askControl(
  address: Address,
  path: string,
  { headers, timeoutMs, signal }: Manner,
): Promise<string> {
  const late = AbortSignal.timeout(timeoutMs)
  const url = `http://${address.host}:${address.port}${path}`
  const manner = { signal: AbortSignal.any([signal, late]), headers }
  const { status, text } = await ask(url, manner).catch(async (error: unknown) => {
    if (error instanceof BadAnswer) throw new ControlFailure('garbage')
    if (error instanceof NotAsked) throw new ControlFailure('not_asked')
    if (!late.aborted) throw new ControlFailure(REFUSALS.has(codeOf(error)) ? 'refused' : 'unreachable')
    throw new ControlFailure((await accepts(address)) ? 'hung' : 'unreachable')
  })
  if (status !== 200) throw failureOf(status)
  return text
}

/** Docker takes connections to a published port also where nobody listens behind it, and resets them then. */
const REFUSALS = new Set(['ECONNREFUSED', 'ECONNRESET'])

function failureOf(status: number): ControlFailure {
  if (status === 401) return new ControlFailure('unauthorized')
  // Up to v3.38 an unknown route is a 400; 405 is one that takes no GET.
  if (status === 404 || status === 405 || status === 400) return new ControlFailure('unknown_route')
  if (status >= 300 && status < 400) return new ControlFailure('redirected')
  return new ControlFailure('failed', { status })
}

/** Whether somebody takes connections there, which tells one that hangs from one that is not there. */
function accepts({ host, port }: Address): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  // A URL has brackets around an IPv6 address, a socket's address has none.
  const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port })
  const patience = setTimeout(() => resolve(false), CONNECT_PATIENCE_MS)
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => {
    clearTimeout(patience)
    socket.destroy()
  })
}
