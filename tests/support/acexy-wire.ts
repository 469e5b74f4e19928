import {
  decodeGoJson,
  GoJsonError,
  type GoOf,
  type GoType,
  goBool,
  goInt,
  goMap,
  goPointer,
  goSlice,
  goString,
  goStruct,
  goTime,
} from './go-json.ts'

/*
 * The structs that acexy decodes into (orchestrator_events.go and lib/acexy/acexy.go at 7e82040). They include members that
 * acexy decodes but never uses, because a wrong type there makes the whole answer unreadable.
 */

const engineStruct = goStruct({
  container_id: goString,
  container_name: goString,
  host: goString,
  port: goInt,
  labels: goMap(goString),
  forwarded: goBool,
  first_seen: goTime,
  last_seen: goTime,
  health_status: goString,
  last_health_check: goTime,
  last_stream_usage: goTime,
  last_cache_cleanup: goTime,
  cache_size_bytes: goPointer(goInt),
  streams: goSlice(goString),
})

const streamStruct = goStruct({
  id: goString,
  key_type: goString,
  key: goString,
  container_id: goString,
  playback_session_id: goString,
  stat_url: goString,
  command_url: goString,
  is_live: goBool,
  started_at: goTime,
  ended_at: goTime,
  status: goString,
})

const refusalFields = {
  code: goString,
  message: goString,
  recovery_eta_seconds: goInt,
  can_retry: goBool,
  should_wait: goBool,
}

const statusStruct = goStruct({
  status: goString,
  vpn: goStruct({ connected: goBool }),
  capacity: goStruct({ total: goInt, used: goInt, available: goInt }),
  provisioning: goStruct({
    can_provision: goBool,
    blocked_reason: goString,
    blocked_reason_details: goPointer(goStruct(refusalFields)),
  }),
})

const provisionedStruct = goStruct({
  container_id: goString,
  container_name: goString,
  host_http_port: goInt,
  container_http_port: goInt,
  container_https_port: goInt,
})

const engineAnswerStruct = goStruct({
  response: goPointer(
    goStruct({
      playback_url: goString,
      stat_url: goString,
      command_url: goString,
      infohash: goString,
      playback_session_id: goString,
      is_live: goInt,
      is_encrypted: goInt,
      client_session_id: goInt,
    }),
  ),
  error: goString,
})

const commandAnswerStruct = goStruct({ response: goString, error: goString })

/** One item of `GET /engines`. */
export type AcexyEngine = GoOf<typeof engineStruct>
/** One item of `GET /streams`. */
export type AcexyStream = GoOf<typeof streamStruct>
/** The answer to `GET /orchestrator/status`. */
export type AcexyStatus = GoOf<typeof statusStruct>
/** The 200 answer to `POST /provision/acestream`. */
export type AcexyProvisioned = GoOf<typeof provisionedStruct>
/** An engine's answer about a session that it opened. */
export type AcexySession = NonNullable<GoOf<typeof engineAnswerStruct>['response']>

/** Why a provision was refused, as acexy understands it. `recovery_eta_seconds` is 0 if it was not given. */
export type AcexyRefusal = NonNullable<AcexyStatus['provisioning']['blocked_reason_details']>

/** @throws {GoJsonError} if acexy's decoder gives an error. */
export const decodeEngines = (text: string): readonly AcexyEngine[] =>
  decodeGoJson(text, goSlice(engineStruct))

/** @throws {GoJsonError} if acexy's decoder gives an error. */
export const decodeStreams = (text: string): readonly AcexyStream[] =>
  decodeGoJson(text, goSlice(streamStruct))

/** @throws {GoJsonError} if acexy's decoder gives an error. */
export const decodeStatus = (text: string): AcexyStatus => decodeGoJson(text, statusStruct)

/** @throws {GoJsonError} if acexy's decoder gives an error. */
export const decodeProvisioned = (text: string): AcexyProvisioned => decodeGoJson(text, provisionedStruct)

/** Returns the engine's session, or the text of its error. @throws {GoJsonError} if acexy's decoder gives an error. */
export function decodeSession(text: string): AcexySession | string {
  const { response, error } = decodeGoJson(text, engineAnswerStruct)
  return response ?? error
}

/**
 * Returns the text of an engine's error after a stop; '' if it stopped the session. @throws {GoJsonError} if acexy's decoder
 * gives an error.
 */
export const decodeCommand = (text: string): string => decodeGoJson(text, commandAnswerStruct).error

/**
 * Says why a provision failed, from an answer other than 200. An object in `detail` that has a code is returned unchanged, a
 * text is classified by its words, and anything else is null, which acexy takes for a temporary failure. The HTTP status is
 * ignored.
 */
export function decodeRefusal(text: string): AcexyRefusal | null {
  const detail = tryDecode(text, goStruct({ detail: goStruct(refusalFields) }))?.detail
  if (detail !== undefined && detail.code !== '') return detail
  const message = tryDecode(text, goStruct({ detail: goString }))?.detail ?? ''
  return message === '' ? null : refusalByWords(message)
}

function tryDecode<T>(text: string, type: GoType<T>): T | null {
  try {
    return decodeGoJson(text, type)
  } catch (error) {
    if (error instanceof GoJsonError) return null
    throw error
  }
}

/** In acexy's order: the first match decides. */
const WORDS: readonly (readonly [RegExp, { readonly code: string; readonly eta: number }])[] = [
  [/VPN/, { code: 'vpn_disconnected', eta: 60 }],
  [/[Cc]ircuit breaker/, { code: 'circuit_breaker', eta: 180 }],
  [/capacity/, { code: 'max_capacity', eta: 30 }],
]

function refusalByWords(message: string): AcexyRefusal {
  const found = WORDS.find(([word]) => word.test(message))?.[1]
  return {
    code: found?.code ?? 'general_error',
    message,
    recovery_eta_seconds: found?.eta ?? 0,
    can_retry: found !== undefined,
    should_wait: found !== undefined,
  }
}
