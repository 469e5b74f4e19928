import { hostPort } from '../../core/host-port.ts'
import { ask } from '../../lib/ask.ts'
import type { Address } from '../protocol.ts'
import { isUnknownSession } from './session-ask.ts'

/**
 * `stopped`: the engine has stopped the session. `unknown`: it does not know the session, or does not know it any more.
 * `silent`: it said neither.
 */
export type StopAnswer = 'stopped' | 'unknown' | 'silent'

/**
 * Asks an engine at all its addresses at once to stop a session; `path` is the session's command path. Never throws, and
 * ends within `timeoutMs` whatever the engine does: real engines have been seen to stop a session without an answer.
 */
export async function stopSession(
  addresses: readonly Address[],
  path: string,
  timeoutMs: number,
): Promise<StopAnswer> {
  const settled = new AbortController()
  const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(timeoutMs)])
  const answers = addresses.map((each) => askAt(each, path, signal))
  try {
    // With two addresses of one engine, the second request finds that the first one has stopped the session.
    return await Promise.any(answers.map(ifStopped))
  } catch {
    const all = await Promise.all(answers)
    return all.includes('unknown') ? 'unknown' : 'silent'
  } finally {
    settled.abort()
  }
}

/** Throws unless the session was stopped, so that `Promise.any` waits for the other addresses. */
async function ifStopped(answer: Promise<StopAnswer>): Promise<StopAnswer> {
  if ((await answer) !== 'stopped') throw new Error('not stopped')
  return 'stopped'
}

async function askAt(address: Address, path: string, signal: AbortSignal): Promise<StopAnswer> {
  try {
    const url = `http://${hostPort(address)}${path}?method=stop`
    const { status, text } = await ask(url, { signal })
    return status === 200 ? inOurWords(JSON.parse(text)) : 'silent'
  } catch {
    return 'silent'
  }
}

/** The engine answers in the form `{"response":"ok","error":null}`. */
function inOurWords(body: unknown): StopAnswer {
  if (typeof body !== 'object' || body === null || !('response' in body)) return 'silent'
  const error = 'error' in body ? body.error : null
  if (isUnknownSession(error)) return 'unknown'
  return body.response === 'ok' && error === null ? 'stopped' : 'silent'
}
