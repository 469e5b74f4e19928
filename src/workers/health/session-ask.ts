import { hostPort } from '../../core/host-port.ts'
import type { Figures } from '../../core/streams/figures.ts'
import { ask } from '../../lib/ask.ts'
import type { Address } from '../protocol.ts'
import type { SessionFact } from './health-protocol.ts'
import { figuresOf } from './session-figures.ts'

/** The answer about one session; see `SessionFact`. */
export type SessionAnswer = Pick<SessionFact, 'state' | 'figures'>

const SILENT: SessionAnswer = { state: 'silent', figures: null }
const ENDED: SessionAnswer = { state: 'ended', figures: null }
const serving = (figures: Figures | null): SessionAnswer => ({ state: 'serves', figures })

/** The engine's message for a session that it does not know, or does not know any more. */
const UNKNOWN_SESSION = /unknown playback session id/i

/**
 * Asks an engine about a session at all its addresses at once, without keeping the session alive by asking. The first answer
 * that serves the session decides. The session has ended only if all addresses say so, because a stranger at one of them
 * would say the same. Never throws, and ends within `timeoutMs` whatever the engine does.
 */
export async function askSession(
  addresses: readonly Address[],
  path: string,
  timeoutMs: number,
): Promise<SessionAnswer> {
  const settled = new AbortController()
  const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(timeoutMs)])
  const answers = addresses.map((each) => askAt(each, path, signal))
  try {
    return await Promise.any(answers.map(ifServing))
  } catch {
    const all = await Promise.all(answers)
    return all.length > 0 && all.every(({ state }) => state === 'ended') ? ENDED : SILENT
  } finally {
    settled.abort()
  }
}

async function askAt(address: Address, path: string, signal: AbortSignal): Promise<SessionAnswer> {
  // Without `skip_player_activity`, the request itself would keep a session alive that has no viewer.
  const url = `http://${hostPort(address)}${path}?skip_player_activity=1`
  try {
    const { status, text } = await ask(url, { signal })
    return status === 200 ? inOurWords(JSON.parse(text)) : SILENT
  } catch {
    return SILENT
  }
}

/** Throws unless the answer is `serves`, so that `Promise.any` ignores it. */
async function ifServing(answer: Promise<SessionAnswer>): Promise<SessionAnswer> {
  const { state, figures } = await answer
  if (state !== 'serves') throw new Error(state)
  return { state, figures }
}

function inOurWords(body: unknown): SessionAnswer {
  if (typeof body !== 'object' || body === null || !('response' in body)) return SILENT
  const { response } = body
  const error = 'error' in body ? body.error : null
  if (response === null) return isUnknownSession(error) ? ENDED : SILENT
  return typeof response === 'object' && error === null ? serving(figuresOf(response)) : SILENT
}

/** Whether the `error` of an engine's answer says that it does not know the session. */
export const isUnknownSession = (error: unknown): boolean =>
  typeof error === 'string' && UNKNOWN_SESSION.test(error)
