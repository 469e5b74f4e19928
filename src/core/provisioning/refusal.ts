/** Why a provision is not done now, or failed; these codes are part of the contract and never renamed. */
export const REFUSAL_CODES = [
  'storage_unavailable',
  'vpn_disconnected',
  'circuit_breaker',
  'max_capacity',
  'no_free_port',
  'runtime_unavailable',
  'image_pulling',
  'provisioning_in_progress',
  'max_generic',
  'general_error',
] as const

export type RefusalCode = (typeof REFUSAL_CODES)[number]

/**
 * A refused or failed provision, in every form that its readers want. `message` is the sentence for people and for
 * those acexy versions that look for words in it; `etaSeconds` is a whole number or null, since acexy decodes an int.
 */
export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
  /** The short form in `/orchestrator/status`; null where the state of the fleet is not the reason. */
  readonly blockedReason: string | null
  readonly etaSeconds: number | null
  readonly shouldWait: boolean
}

/** Thrown where a provision can't be done; the HTTP layer turns it into the answer. */
export class ProvisionRefused extends Error {
  override readonly name = 'ProvisionRefused'

  constructor(
    readonly refusal: Refusal,
    cause?: unknown,
  ) {
    super(refusal.message, { cause })
  }
}

/** Not started within the time that a caller waits; the work goes on and the next equal call gets its engine. */
export const inProgress: Refusal = {
  code: 'provisioning_in_progress',
  message: 'The engine is being started; ask again',
  blockedReason: null,
  etaSeconds: 2,
  shouldWait: true,
}

/** The database takes no writes, so nothing may be begun. */
export const storageUnavailable = (why: string): Refusal => ({
  code: 'storage_unavailable',
  message: `The database takes no writes: ${why}`,
  blockedReason: 'Storage not writable',
  etaSeconds: 6,
  shouldWait: true,
})

/** The container engine can't be asked. */
export const runtimeUnavailable = (why: string): Refusal => ({
  code: 'runtime_unavailable',
  message: `Docker does not answer: ${why}`,
  blockedReason: 'Docker not reachable',
  etaSeconds: 5,
  shouldWait: true,
})

/** There is no VPN to start an engine behind; `why` names the container and its trouble. */
export const vpnDisconnected = (why: string, etaSeconds: number): Refusal => ({
  code: 'vpn_disconnected',
  message: `Cannot provision engine: VPN not available - ${why}`,
  blockedReason: 'VPN not connected',
  etaSeconds,
  shouldWait: true,
})

/** No port can be had; `what` names the range or the port asked for. */
export const noFreePort = (what: string): Refusal => ({
  code: 'no_free_port',
  message: `No free port: ${what}`,
  blockedReason: 'No free port',
  etaSeconds: 30,
  shouldWait: true,
})

/** There are as many containers that are no engines as there may be; nothing of ours ever takes one away. */
export const tooManyGeneric = (containers: number, max: number): Refusal => ({
  code: 'max_generic',
  message: `There are ${containers} of ${max} containers that are no engines: delete one, or raise MAX_GENERIC`,
  blockedReason: null,
  etaSeconds: null,
  shouldWait: false,
})

/** A failure that waiting does not mend; `why` says what to do. */
export const permanent = (why: string): Refusal => ({
  code: 'general_error',
  message: `Failed to provision engine: ${why}`,
  blockedReason: null,
  etaSeconds: null,
  shouldWait: false,
})
