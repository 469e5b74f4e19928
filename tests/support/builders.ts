import { type EngineTemplate, plainRequest, requestHash } from '../../src/control/engines/template.ts'
import type { Figures } from '../../src/core/streams/figures.ts'
import type { Engine, Stream } from '../../src/core/types.ts'

/** A ready engine with all its data. A test names only the members that it is about. */
export function engine(change: Partial<Engine> = {}): Engine {
  return {
    id: 'engine-1',
    status: 'ready',
    reason: null,
    name: 'acestream-1',
    containerId: 'c'.repeat(64),
    image: 'engine:1',
    imageId: null,
    request: plainRequest,
    requestHash: requestHash(plainRequest),
    configHash: 'config-1',
    scope: 'host',
    vpnNode: null,
    host: null,
    forwarded: false,
    httpPort: 19_000,
    httpsPort: 45_000,
    apiPort: null,
    p2pPort: null,
    hostHttpPort: 19_000,
    hostHttpsPort: null,
    labels: {},
    containerState: 'running',
    networkContainerId: null,
    address: '172.17.0.2',
    networks: ['bridge'],
    createdAt: 1_000,
    containerStartedAt: 1_500,
    readyAt: 2_000,
    handedOutAt: 1_000,
    unclaimedSince: null,
    claimKey: null,
    startedAhead: false,
    adoptedAt: null,
    removalRequestedAt: null,
    lastStreamAt: null,
    replaces: null,
    drainCause: null,
    drainingSince: null,
    stoppedAt: null,
    stopCause: null,
    restartCount: 0,
    restartsAt: [],
    endedAt: null,
    failedAttemptAt: null,
    cacheCleanedAt: null,
    cacheSizeBytes: null,
    ...change,
  }
}

/** A template with nothing but what it needs. */
export const template: EngineTemplate = {
  image: 'engine:1',
  recipe: 'auto',
  env: {},
  command: null,
  labels: {},
  volumes: [],
  tmpfs: {},
  shmBytes: null,
  dns: [],
  securityOpt: [],
  healthCheck: 'none',
  memoryBytes: null,
  cpus: null,
  pidsLimit: 1_024,
  capDrop: [],
  capAdd: [],
  cacheLimitGb: 1,
  network: null,
  publishAddress: '',
  mapHttps: false,
  publishP2p: false,
  label: { key: 'a', value: 'b' },
  installation: 'here',
}

/** What an engine says about a transfer: nothing but the given members. */
export function figures(change: Partial<Figures> = {}): Figures {
  return {
    status: null,
    peers: null,
    speedDown: null,
    speedUp: null,
    downloaded: null,
    uploaded: null,
    livePos: null,
    liveFirst: null,
    liveLast: null,
    bufferPieces: null,
    ...change,
  }
}

/** A started stream of `engine()`. */
export function stream(change: Partial<Omit<Stream, 'rowId'>> = {}): Omit<Stream, 'rowId'> {
  return {
    streamId: 'key|session',
    engineId: 'engine-1',
    containerId: 'c'.repeat(64),
    keyType: 'content_id',
    key: 'key',
    playbackSessionId: 'session',
    statUrl: 'http://127.0.0.1:19000/ace/stat/a/session',
    commandUrl: 'http://127.0.0.1:19000/ace/cmd/a/session',
    isLive: true,
    status: 'started',
    startedAt: 3_000,
    endedAt: null,
    endReason: null,
    ...change,
  }
}
