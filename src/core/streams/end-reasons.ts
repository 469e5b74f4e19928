/** The reasons of stream ends that no proxy reported. They are stored and appear in answers, so they are never renamed. */
const OUR_END_REASONS = [
  'docker_outage',
  'engine_deleted',
  'engine_failed',
  'engine_gone',
  'engine_restarted',
  'engine_stopped',
  'forgotten',
  'host_drained',
  'host_lost',
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

/** Ends that a viewer, a proxy or an operator wanted, or that happened long before they were noticed. */
const WANTED: ReadonlySet<EndClass> = new Set<EndClass>([
  'client_disconnected',
  'completed',
  'handler_exit',
  'engine_deleted',
  'stopped_by_operator',
  'session_unknown',
  'forgotten',
  'unknown',
  'other',
])

/** Whether viewers lost a stream that nobody wanted to end. */
export const isCut = (end: EndClass): boolean => !WANTED.has(end)

/** What became of a stream, by the reason of its end. */
const WORDS: Readonly<Partial<Record<EndClass, string>>> = {
  client_disconnected: 'its viewer left',
  completed: 'it was over',
  empty_timeout: 'the engine sent nothing',
  eof: 'the engine sent no more',
  fetch_stream_failed: 'the engine gave no stream',
  start_stream_failed: 'the engine gave no stream',
  handler_exit: 'the proxy ended it',
  docker_outage: 'its container stopped with Docker',
  engine_deleted: 'somebody deleted its engine',
  engine_failed: 'its engine failed',
  engine_gone: 'somebody else removed its engine',
  engine_restarted: 'its engine was restarted',
  engine_stopped: 'its engine was stopped',
  host_drained: 'the host of its engine was drained',
  host_lost: 'the host of its engine was lost',
  forgotten: 'nobody reported its end',
  outside_vpn: 'its engine was outside the VPN',
  session_unknown: 'its engine does not know it any more',
  stopped_by_operator: 'an operator stopped it',
  vpn_lost: 'its VPN was lost',
}

/** The reason of an end in words, with the reason itself; a reason of no known proxy stands alone. */
export function endInWords(reason: string): string {
  const words = WORDS[endClassOf(reason)]
  return words === undefined ? reason : `${words} (${reason})`
}

/** The reason under which the end of a stream is counted. */
export const endClassOf = (reason: string): EndClass => END_CLASSES.find((each) => each === reason) ?? 'other'
