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
 * The structs into which acexy decodes (its orchestrator_events.go and lib/acexy/acexy.go at 7e82040). A member that it
 * decodes and never uses is here as well: a wrong type there spoils the whole answer.
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
/** `GET /orchestrator/status`. */
export type AcexyStatus = GoOf<typeof statusStruct>
/** The 200 of `POST /provision/acestream`. */
export type AcexyProvisioned = GoOf<typeof provisionedStruct>
/** What an engine says of a session that it opened. */
export type AcexySession = NonNullable<GoOf<typeof engineAnswerStruct>['response']>

/** Why a provision was refused, as acexy understands it; `recovery_eta_seconds` 0 when it was not told. */
export type AcexyRefusal = NonNullable<AcexyStatus['provisioning']['blocked_reason_details']>

/** @throws {GoJsonError} as all of these, where acexy's decoder gives an error. */
export const decodeEngines = (text: string): readonly AcexyEngine[] =>
  decodeGoJson(text, goSlice(engineStruct))

/** @throws {GoJsonError} */
export const decodeStreams = (text: string): readonly AcexyStream[] =>
  decodeGoJson(text, goSlice(streamStruct))

/** @throws {GoJsonError} */
export const decodeStatus = (text: string): AcexyStatus => decodeGoJson(text, statusStruct)

/** @throws {GoJsonError} */
export const decodeProvisioned = (text: string): AcexyProvisioned => decodeGoJson(text, provisionedStruct)

/** The engine's session, or its error's text. @throws {GoJsonError} */
export function decodeSession(text: string): AcexySession | string {
  const { response, error } = decodeGoJson(text, engineAnswerStruct)
  return response ?? error
}

/** The error's text of an engine that was told to stop; '' when it did. @throws {GoJsonError} */
export const decodeCommand = (text: string): string => decodeGoJson(text, commandAnswerStruct).error

/**
 * Why a provision failed, from an answer other than 200: an object in `detail` with a code as it is, a text by the
 * words in it, and null for all else, which acexy takes for a failure of the moment. The HTTP status is not looked at.
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

/** In acexy's order: the first word that is found decides. */
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
