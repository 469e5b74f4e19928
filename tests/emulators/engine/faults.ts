import { CONTENT_BEHAVIOURS, type ContentBehaviour } from './content.ts'
import { flag, isRecord, isWhole, mergeByRules, type Rule, type Rules } from './fault-rules.ts'

/** What can hang: everything, or one kind of call. */
export type HangKind = 'all' | 'status' | 'content' | 'stat' | 'stop'

/** The present faults of the engine. `GET /faults` and `POST /faults` use the same fields. */
export interface Faults {
  /** Requests of these kinds wait until the fault is cleared. `all` also holds playback and the old TCP API. */
  readonly hang: readonly HangKind[]
  /** Every playback connection falls silent, is closed, or is reset after this many bytes. */
  readonly silent_after_bytes: number | null
  readonly cut_after_bytes: number | null
  readonly reset_after_bytes: number | null
  /** API calls are answered with this status, 500 to 599. */
  readonly api_status: number | null
  /** The engine has no network: it is not connected, has no peers and no speed, and its sessions stall. */
  readonly disconnected: boolean
  /** The present sessions stall, and stay stalled when the network is back. Later sessions work. */
  readonly sessions_stuck: boolean
  /** No content has peers: playback receives no headers, and present playback stalls. */
  readonly no_peers: boolean
  /**
   * Every content has peers, and none of them sends anything: sessions open as usual, playback receives no headers, and
   * present playback stalls.
   */
  readonly no_data: boolean
  /** No session opens: every request for one is answered with this error at once. */
  readonly getstream_error: string | null
  /** The positions in the statistics stand still while bytes flow. */
  readonly livepos_frozen: boolean
  /** Speeds are named `speedDown` and `speedUp`, as in some versions. */
  readonly camel_case_speeds: boolean
  /** Flags are `true` and `false` instead of 1 and 0, which breaks strict decoders. */
  readonly boolean_flags: boolean
  /** JSON answers of the engine lack their second half. */
  readonly truncated_json: boolean
  /** JSON answers of the engine have this many bytes: blanks, then the content. */
  readonly answer_bytes: number | null
  /** JSON answers of the engine are always packed with gzip. `answer_bytes` then counts unpacked bytes. */
  readonly packed_answers: boolean
  /** Behaviour by content. Keys are prefixes of an infohash or of a content id, which share their first four digits. */
  readonly content: Readonly<Record<string, ContentBehaviour>>
}

/** No fault. */
export const NO_FAULTS: Faults = {
  hang: [],
  silent_after_bytes: null,
  cut_after_bytes: null,
  reset_after_bytes: null,
  api_status: null,
  disconnected: false,
  sessions_stuck: false,
  no_peers: false,
  no_data: false,
  getstream_error: null,
  livepos_frozen: false,
  camel_case_speeds: false,
  boolean_flags: false,
  truncated_json: false,
  answer_bytes: null,
  packed_answers: false,
  content: {},
}

const HANG_KINDS: readonly unknown[] = ['all', 'status', 'content', 'stat', 'stop'] satisfies HangKind[]
const BEHAVIOURS: readonly unknown[] = CONTENT_BEHAVIOURS

const bytes: Rule<number | null> = {
  check: (value): value is number | null => value === null || (isWhole(value) && value >= 0),
  expected: 'a whole number of bytes or null',
}

const ERROR_CHARACTERS_MAX = 200

const RULES: Rules<Faults> = {
  hang: {
    check: (value): value is readonly HangKind[] =>
      Array.isArray(value) && value.every((kind) => HANG_KINDS.includes(kind)),
    expected: `an array of ${HANG_KINDS.join(', ')}`,
  },
  silent_after_bytes: bytes,
  cut_after_bytes: bytes,
  reset_after_bytes: bytes,
  api_status: {
    check: (value): value is number | null =>
      value === null || (isWhole(value) && value >= 500 && value <= 599),
    expected: 'a status from 500 to 599 or null',
  },
  disconnected: flag,
  sessions_stuck: flag,
  no_peers: flag,
  no_data: flag,
  getstream_error: {
    check: (value): value is string | null =>
      value === null || (typeof value === 'string' && value !== '' && value.length <= ERROR_CHARACTERS_MAX),
    expected: `a text of at most ${ERROR_CHARACTERS_MAX} characters or null`,
  },
  livepos_frozen: flag,
  camel_case_speeds: flag,
  boolean_flags: flag,
  truncated_json: flag,
  answer_bytes: bytes,
  packed_answers: flag,
  content: {
    check: (value): value is Record<string, ContentBehaviour> =>
      isRecord(value) &&
      Object.entries(value).every(([key, name]) => /^[0-9a-f]{1,40}$/.test(key) && BEHAVIOURS.includes(name)),
    expected: `an object from hex prefixes to one of ${BEHAVIOURS.join(', ')}`,
  },
}

/**
 * Returns `current` with the fields of `input` replaced. Other fields stay unchanged.
 *
 * @throws {FaultError} if `input` is not an object, has an unknown field or a value out of range.
 */
export const mergeFaults = (current: Faults, input: unknown): Faults => mergeByRules(RULES, current, input)
