/** The codes of warnings to users about an installation. They are part of the API contract and are never renamed. */
export const WARNING_CODES = [
  'storage_unavailable',
  'docker_silent',
  'host_lost',
  'engines_outside_vpn',
  'engines_in_other_network',
  'vpn_ports_unpublished',
  'forwarded_port_flaps',
  'forwarded_port_missing',
  'forwarded_port_unusable',
  'vpn_health_check_fails',
  'vpn_not_known',
  'vpn_tunnel_doubted',
  'vpn_control_silent',
  'engines_unreached',
  'no_proxy_heard',
  'free_engine_needed',
  'other_installation',
  'engines_unusable',
  'engines_unreachable',
  'network_not_found',
  'engine_silent',
  'docker_forbids',
  'start_refused',
  'image_missing',
  'image_pulling',
  'image_platform',
  'image_pull_failed',
  'events_refused',
  'viewers_unknown',
  'engine_plays_nothing',
  'clock_set',
  'descriptors_short',
  'database_place',
  'image_unknown',
  'image_unservable',
  'cache_unbounded',
  'scale_overrides',
] as const

export type WarningCode = (typeof WARNING_CODES)[number]

/** One problem in words: `message` says what was observed, `remedy` says what to do about it. */
export interface Warning {
  readonly message: string
  readonly remedy: string
}

/** A warning that is in force, with the time since when, in epoch milliseconds. */
export interface StandingWarning extends Warning {
  readonly code: WarningCode
  readonly sinceMs: number
}
