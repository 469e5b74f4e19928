/** What users should be told about an installation beyond its state; these codes are part of the contract and never renamed. */
export const WARNING_CODES = [
  'storage_unavailable',
  'engines_outside_vpn',
  'engines_in_other_network',
  'other_installation',
  'engines_unusable',
  'events_refused',
  'viewers_unknown',
  'clock_set',
  'descriptors_short',
] as const

export type WarningCode = (typeof WARNING_CODES)[number]

/** One thing that is wrong, in words: what is seen, and what to do about it. */
export interface Warning {
  readonly message: string
  readonly remedy: string
}

/** A warning that is in force, since epoch milliseconds. */
export interface StandingWarning extends Warning {
  readonly code: WarningCode
  readonly sinceMs: number
}
