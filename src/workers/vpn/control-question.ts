import { connect } from 'node:net'
import { hostPort } from '../../core/host-port.ts'
import { ask, BadAnswer, NotAsked } from '../../lib/ask.ts'
import { codeOf } from '../../lib/codes.ts'
import type { Address } from '../protocol.ts'
import { ControlFailure } from './gluetun-problems.ts'

/** How long to wait for a connection when checking whether anything listens at an address. */
const CONNECT_PATIENCE_MS = 500

/** The options of a request. */
interface Manner {
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Aborts when the caller gives up the request. */
  readonly signal: AbortSignal
}

/**
 * Sends a GET request and returns the text of a good answer (200). Throws a ControlFailure for any other answer, and if none
 * comes within the time. Follows no redirection, because the key is for this address only. The messages of the library's
 * errors are not used, because they may contain what was sent.
 */
export async function askControl(
  address: Address,
  path: string,
  { headers, timeoutMs, signal }: Manner,
): Promise<string> {
  const late = AbortSignal.timeout(timeoutMs)
  const url = `http://${hostPort(address)}${path}`
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

/**
 * The error codes that mean that nothing listens. Docker accepts connections to a published port even if nothing listens
 * behind it, and then resets them.
 */
const REFUSALS = new Set(['ECONNREFUSED', 'ECONNRESET'])

function failureOf(status: number): ControlFailure {
  if (status === 401) return new ControlFailure('unauthorized')
  // Up to v3.38 Gluetun answers 400 for an unknown route; 405 means a route that does not accept GET.
  if (status === 404 || status === 405 || status === 400) return new ControlFailure('unknown_route')
  if (status >= 300 && status < 400) return new ControlFailure('redirected')
  return new ControlFailure('failed', { status })
}

/** Whether the address accepts connections: this distinguishes a server that hangs from one that is not there. */
function accepts({ host, port }: Address): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  // A URL has brackets around an IPv6 address, the address of a socket has none.
  const socket = connect({ host: host.replace(/^\[|\]$/g, ''), port })
  const patience = setTimeout(() => resolve(false), CONNECT_PATIENCE_MS)
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => {
    clearTimeout(patience)
    socket.destroy()
  })
}
