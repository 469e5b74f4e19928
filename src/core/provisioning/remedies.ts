import type { RefusalCode } from './refusal.ts'

/** What an operator does about each reason for a refused provision, in the words of the settings. */
const REMEDIES: Readonly<Record<RefusalCode, string>> = {
  storage_unavailable: 'make room on the disk of the database, or let this process write there',
  vpn_disconnected: "look at the VPN container's log; engines start again when it is up",
  circuit_breaker:
    'look at the log lines of the engines that failed; one engine is tried when the time is over',
  max_capacity: 'raise MAX_REPLICAS if this machine carries more engines, or wait until a viewer leaves',
  no_host: 'look at docker node ls, SWARM_CONSTRAINTS and SWARM_MAX_PER_NODE',
  no_free_port: 'widen the range of ports, or end the program that holds them',
  runtime_unavailable: "look at Docker's own log; running streams go on meanwhile",
  image_pulling: 'wait until the image is here',
  image_missing: 'pull the image, or correct TARGET_IMAGE',
  provisioning_in_progress: 'none is needed: the caller gets the engine when it asks again',
  max_generic: 'delete a container that POST /provision made, or raise MAX_GENERIC',
  general_error: 'see the message',
}

/** What an operator does about a refusal, as a clause without a full stop. */
export const refusalRemedy = (code: RefusalCode): string => REMEDIES[code]
