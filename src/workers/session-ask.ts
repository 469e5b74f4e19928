import { boundedText } from './bounded-text.ts'
import type { SessionFact } from './health-protocol.ts'
import type { Address } from './protocol.ts'

/** What is said of one session; see `SessionFact`. */
export type SessionAnswer = Pick<SessionFact, 'state' | 'downloaded'>

const SILENT: SessionAnswer = { state: 'silent', downloaded: null }
const ENDED: SessionAnswer = { state: 'ended', downloaded: null }

/** The engine's words for a session that it does not know, or not any more. */
const UNKNOWN_SESSION = /unknown playback session id/i

/**
 * Asks an engine about a session at each of its addresses at once, without keeping the session alive by it. The first
 * that serves it decides; it has ended only where all say so, since a stranger at one of them would say the same.
 * Never throws, and ends within `timeoutMs` whatever the engine does.
 */
export async function askSession(
  addresses: readonly Address[],
  path: string,
  timeoutMs: number,
): Promise<SessionAnswer> {
  const settled = new AbortController()
  const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(timeoutMs)])
  const answers = addresses.map((each) => ask(each, path, signal))
  try {
    return await Promise.any(answers.map(ifServing))
  } catch {
    const all = await Promise.all(answers)
    return all.length > 0 && all.every(({ state }) => state === 'ended') ? ENDED : SILENT
  } finally {
    settled.abort()
  }
}

async function ask({ host, port }: Address, path: string, signal: AbortSignal): Promise<SessionAnswer> {
  // Without `skip_player_activity` the question itself would keep a session alive that nobody watches.
  const url = `http://${host}:${port}${path}?skip_player_activity=1`
  try {
    const response = await fetch(url, { signal, redirect: 'manual', keepalive: false })
    return response.status === 200 ? inOurWords(JSON.parse(await boundedText(response))) : SILENT
  } catch {
    return SILENT
  }
}

/** Throws what is no good news, for `Promise.any`. */
async function ifServing(answer: Promise<SessionAnswer>): Promise<SessionAnswer> {
  const { state, downloaded } = await answer
  if (state !== 'serves') throw new Error(state)
  return { state, downloaded }
}

function inOurWords(body: unknown): SessionAnswer {
  if (typeof body !== 'object' || body === null || !('response' in body)) return SILENT
  const { response } = body
  const error = 'error' in body ? body.error : null
  if (response === null) return typeof error === 'string' && UNKNOWN_SESSION.test(error) ? ENDED : SILENT
  if (typeof response !== 'object' || error !== null) return SILENT
  const downloaded = 'downloaded' in response ? response.downloaded : null
  const isFigure = typeof downloaded === 'number' && Number.isFinite(downloaded)
  return { state: 'serves', downloaded: isFigure ? downloaded : null }
}
