/** The reasons of stream ends that no proxy reported. They are stored and appear in answers, so they are never renamed. */
const OUR_END_REASONS = [
  'docker_outage',
  'engine_deleted',
  'engine_failed',
  'engine_gone',
  'engine_restarted',
  'engine_stopped',
  'forgotten',
  'outside_vpn',
  'session_unknown',
  'stopped_by_operator',
  'vpn_lost',
] as const

export type OurEndReason = (typeof OUR_END_REASONS)[number]

/** The reasons that the variants of acexy report, and `unknown` for an end without a reason. */
const PROXY_END_REASONS = [
  'client_disconnected',
  'completed',
  'empty_timeout',
  'eof',
  'fetch_stream_failed',
  'handler_exit',
  'start_stream_failed',
  'unknown',
] as const

/** All reasons by which ends are counted. A proxy may report any text, so all other texts are counted as `other`. */
export const END_CLASSES = [...OUR_END_REASONS, ...PROXY_END_REASONS, 'other'] as const

export type EndClass = (typeof END_CLASSES)[number]

/** The reason under which the end of a stream is counted. */
export const endClassOf = (reason: string): EndClass => END_CLASSES.find((each) => each === reason) ?? 'other'
