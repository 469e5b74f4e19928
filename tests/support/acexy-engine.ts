import { exchange, type Transport } from './acexy-http.ts'
import { type AcexySession, decodeCommand, decodeSession } from './acexy-wire.ts'

export interface Content {
  /** How the viewer named the content. acexy accepts no other way. */
  readonly by: 'id' | 'infohash'
  readonly key: string
}

/** An engine refused a session. The message is the engine's own or that of the connection. */
class EngineFailed extends Error {
  override readonly name = 'EngineFailed'
}

const RESPONSE_TIMEOUT_MS = 20_000
const COMMAND_TIMEOUT_MS = 10_000

/**
 * Opens a session for one viewer.
 *
 * @throws {EngineFailed} if the engine gives a reason for a refusal, is silent for 20 s, or answers with what acexy cannot
 * decode.
 */
export async function openSession(
  transport: Transport,
  at: { readonly host: string; readonly port: number },
  { by, key }: Content,
): Promise<AcexySession> {
  const query = new URLSearchParams({ [by]: key, format: 'json', pid: crypto.randomUUID() })
  const url = `http://${at.host}:${at.port}/ace/getstream?${query}`
  try {
    const headers = { 'content-type': 'application/json' }
    const answer = await exchange(transport, { method: 'GET', url, headers, timeoutMs: RESPONSE_TIMEOUT_MS })
    const session = decodeSession(answer.text)
    if (typeof session !== 'string') return session
    throw new Error(session)
  } catch (cause) {
    throw new EngineFailed(`${url}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** Opens the bytes of a session. Null if the engine gives none within 20 s; the viewer then gets an empty answer. */
export async function openPlayback(
  { clock, send }: Transport,
  { playback_url }: AcexySession,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array> | null> {
  const patience = new AbortController()
  const cancel = clock.after(RESPONSE_TIMEOUT_MS, () => patience.abort())
  try {
    const both = AbortSignal.any([signal, patience.signal])
    const request = new Request(playback_url, { headers: { 'accept-encoding': 'identity' }, signal: both })
    const response = await send(request)
    return response.ok ? response.body : null
  } catch {
    return null
  } finally {
    cancel()
  }
}

/** Tells the engine to end a session. Returns the error's text if it did not end it, otherwise null. */
export async function stopSession(
  transport: Transport,
  { command_url }: AcexySession,
): Promise<string | null> {
  try {
    const url = `${command_url}?method=stop`
    const { text } = await exchange(transport, { method: 'GET', url, timeoutMs: COMMAND_TIMEOUT_MS })
    return decodeCommand(text) || null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** acexy's id of a session: the part after `/stat/<infohash>/` in `stat_url`, otherwise the last part. */
export function playbackIdOf({ stat_url }: AcexySession): string {
  const parts = URL.parse(stat_url)?.pathname.split('/').filter(Boolean) ?? []
  const stat = parts.indexOf('stat')
  return (stat === -1 ? undefined : parts[stat + 2]) ?? parts.at(-1) ?? ''
}
