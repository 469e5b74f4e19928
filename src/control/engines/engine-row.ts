import type { Engine } from '../../core/types.ts'

/** The values of a row whose container is still to be made. */
export const fresh = {
  containerId: null,
  imageId: null,
  containerState: null,
  containerStartedAt: null,
  networkContainerId: null,
  address: null,
  networks: [],
  // Viewers that we do not know were those of the earlier container.
  adoptedAt: null,
  stoppedAt: null,
  stopCause: null,
  restartCount: 0,
  restartsAt: [],
  failedAttemptAt: null,
  cacheCleanedAt: null,
  cacheSizeBytes: null,
} as const satisfies Partial<Engine>

/** The values of a row whose container was not seen yet. */
export const unseen = {
  ...fresh,
  reason: null,
  host: null,
  forwarded: false,
  httpPort: 0,
  httpsPort: 0,
  apiPort: null,
  p2pPort: null,
  hostHttpPort: 0,
  hostHttpsPort: null,
  labels: {},
  readyAt: null,
  unclaimedSince: null,
  startedAhead: false,
  removalRequestedAt: null,
  lastStreamAt: null,
  replaces: null,
  drainCause: null,
  drainingSince: null,
  endedAt: null,
} as const satisfies Partial<Engine>
