import { hostPort } from '../../core/host-port.ts'
import { ask } from '../../lib/ask.ts'
import type { Address } from '../protocol.ts'

/**
 * Asks an engine at all its addresses at once whether it is connected to the outside, and returns the first clear answer.
 * Null if no address gives one; the probe tells what is wrong. Never throws. Ends within `timeoutMs` whatever the engine
 * does, or when `givenUp` aborts.
 */
export async function askNetwork(
  addresses: readonly Address[],
  timeoutMs: number,
  givenUp?: AbortSignal,
): Promise<boolean | null> {
  const settled = new AbortController()
  const ends = [settled.signal, AbortSignal.timeout(timeoutMs), ...(givenUp === undefined ? [] : [givenUp])]
  const signal = AbortSignal.any(ends)
  try {
    return await Promise.any(addresses.map((each) => askAt(each, signal)))
  } catch {
    return null
  } finally {
    settled.abort()
  }
}

/** Throws if the answer says neither yes nor no. */
async function askAt(address: Address, signal: AbortSignal): Promise<boolean> {
  const url = `http://${hostPort(address)}/server/api?api_version=3&method=get_network_connection_status`
  const { status, text } = await ask(url, { signal })
  if (status !== 200) throw new Error(`HTTP ${status}`)
  return isConnected(JSON.parse(text))
}

/** The engine answers in the form `{"result":{"connected":true}}`. */
function isConnected(body: unknown): boolean {
  const result = typeof body === 'object' && body !== null && 'result' in body ? body.result : null
  const connected =
    typeof result === 'object' && result !== null && 'connected' in result ? result.connected : null
  if (typeof connected !== 'boolean') throw new Error('neither')
  return connected
}
