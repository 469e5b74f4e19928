/** Why a provision is refused or has failed. These codes are part of the API contract and are never renamed. */
export const REFUSAL_CODES = [
  'storage_unavailable',
  'vpn_disconnected',
  'circuit_breaker',
  'max_capacity',
  'no_host',
  'no_free_port',
  'runtime_unavailable',
  'image_pulling',
  'image_missing',
  'provisioning_in_progress',
  'max_generic',
  'general_error',
] as const

export type RefusalCode = (typeof REFUSAL_CODES)[number]

/**
 * A refused or failed provision, in every form that its readers need. `message` is a sentence for people, and for those
 * acexy versions that look for words in it. `etaSeconds` is a whole number or null, because acexy decodes an int.
 */
export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
  /** The short form in `/orchestrator/status`; null if the state of the fleet is not the reason. */
  readonly blockedReason: string | null
  readonly etaSeconds: number | null
  readonly shouldWait: boolean
}

/** Thrown if a provision is refused or has failed; the HTTP layer turns it into an answer. */
export class ProvisionRefused extends Error {
  override readonly name = 'ProvisionRefused'

  constructor(
    readonly refusal: Refusal,
    cause?: unknown,
  ) {
    super(refusal.message, { cause })
  }
}

/**
 * The engine was not started within the time that a caller waits. The launch goes on, and the next equal request gets the
 * engine.
 */
export const inProgress: Refusal = {
  code: 'provisioning_in_progress',
  message: 'The engine is being started; ask again',
  blockedReason: null,
  etaSeconds: 2,
  shouldWait: true,
}

/** The database takes no writes, so no launch may begin. */
export const storageUnavailable = (why: string): Refusal => ({
  code: 'storage_unavailable',
  message: `The database takes no writes: ${why}`,
  blockedReason: 'Storage not writable',
  etaSeconds: 6,
  shouldWait: true,
})

/** The container engine cannot be asked. */
export const runtimeUnavailable = (why: string): Refusal => ({
  code: 'runtime_unavailable',
  message: `Docker does not answer: ${why}`,
  blockedReason: 'Docker not reachable',
  etaSeconds: 5,
  shouldWait: true,
})

/** No VPN node is up to start an engine behind; `why` names the container and its problem. */
export const vpnDisconnected = (why: string, etaSeconds: number): Refusal => ({
  code: 'vpn_disconnected',
  message: `Cannot provision engine: VPN not available - ${why}`,
  blockedReason: 'VPN not connected',
  etaSeconds,
  shouldWait: true,
})

/** No host takes another engine; `why` names the hosts. */
export const noHost = (why: string): Refusal => ({
  code: 'no_host',
  message: `No node of the swarm takes another engine: ${why}`,
  blockedReason: 'No node takes an engine',
  etaSeconds: 10,
  shouldWait: true,
})

/** No port is free; `what` names the range or the requested port. */
export const noFreePort = (what: string): Refusal => ({
  code: 'no_free_port',
  message: `No free port: ${what}`,
  blockedReason: 'No free port',
  etaSeconds: 30,
  shouldWait: true,
})

/** The image is being pulled, and none of its name is on this host yet. */
export const imagePulling = (image: string, etaSeconds: number): Refusal => ({
  code: 'image_pulling',
  message: `The image ${image} is being pulled`,
  blockedReason: 'Image is being pulled',
  etaSeconds,
  shouldWait: true,
})

/** How long a pull takes that has not told of its progress yet. */
export const PULL_ETA_S = 30

/** The image is not on this host, and nobody pulls it, or the pull failed for the reason in `pullError`. */
export const imageMissing = (image: string, pullError: string | null = null): Refusal => ({
  code: 'image_missing',
  message:
    `Failed to provision engine: image ${image} is not on this Docker host; run: docker pull ${image}` +
    (pullError === null ? '' : ` (${pullError})`),
  blockedReason: 'Image not on this host',
  etaSeconds: null,
  shouldWait: false,
})

/** The maximum number of generic containers exists; Roundhouse never removes one by itself. */
export const tooManyGeneric = (containers: number, max: number): Refusal => ({
  code: 'max_generic',
  message: `There are ${containers} of ${max} containers that are no engines: delete one, or raise MAX_GENERIC`,
  blockedReason: null,
  etaSeconds: null,
  shouldWait: false,
})

/** A failure that does not go away by waiting; `why` says what to do. */
export const permanent = (why: string): Refusal => ({
  code: 'general_error',
  message: `Failed to provision engine: ${why}`,
  blockedReason: null,
  etaSeconds: null,
  shouldWait: false,
})
