import { ask } from '../../lib/ask.ts'
import type { Address } from '../protocol.ts'
import { isUnknownSession } from './session-ask.ts'

/** It has stopped the session; it does not know it (any more); it said neither. */
export type StopAnswer = 'stopped' | 'unknown' | 'silent'

/**
 * Asks an engine at each of its addresses at once to stop the session whose command path it is. Never throws, and ends within
 * `timeoutMs` whatever the engine does: real ones have been seen to stop a session and not to answer.
 */
export async function stopSession(
  addresses: readonly Address[],
  path: string,
  timeoutMs: number,
): Promise<StopAnswer> {
  const signal = AbortSignal.timeout(timeoutMs)
  const answers = await Promise.all(addresses.map((each) => askAt(each, path, signal)))
  return ORDER.find((answer) => answers.includes(answer)) ?? 'silent'
}

/** Two addresses of one engine: the second to come finds that the first has stopped it. */
const ORDER = ['stopped', 'unknown', 'silent'] as const satisfies readonly StopAnswer[]

async function askAt({ host, port }: Address, path: string, signal: AbortSignal): Promise<StopAnswer> {
  try {
    const url = `http://${host}:${port}${path}?method=stop`
    const { status, text } = await ask(url, { signal })
    return status === 200 ? inOurWords(JSON.parse(text)) : 'silent'
  } catch {
    return 'silent'
  }
}

/** `{"response":"ok","error":null}` is the engine's form (upstream.md 4.9). */
function inOurWords(body: unknown): StopAnswer {
  if (typeof body !== 'object' || body === null || !('response' in body)) return 'silent'
  const error = 'error' in body ? body.error : null
  if (isUnknownSession(error)) return 'unknown'
  return body.response === 'ok' && error === null ? 'stopped' : 'silent'
}
