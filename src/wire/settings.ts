/** Translates the configuration into the settings of the components. */

import { isIP } from 'node:net'
import type { Config } from '../config/config.ts'
import { certificatesOf } from '../config/docker-tls.ts'
import { isLoopback } from '../config/loopback.ts'
import { publishAddressOf, publishedHost } from '../config/publishing.ts'
import { type EngineTemplate, templateHash } from '../control/engines/template.ts'
import type { PolicySettings } from '../control/fleet/fleet-snapshots.ts'
import type { HistoryLimits } from '../control/housekeeping/retention.ts'
import type { AdmissionSettings } from '../control/provisioning/admission.ts'
import type { HostPlacesSettings } from '../control/provisioning/host-places.ts'
import type { KeptPorts, RequestLimits } from '../control/provisioning/requests.ts'
import type { VpnNodeSettings } from '../control/vpn/vpn-nodes.ts'
import { recipeOf } from '../core/engines/recipe-choice.ts'

/** The template of engines; `installation` is the id of this installation. */
export const templateOf = (config: Config, installation: string): EngineTemplate => ({
  image: config.TARGET_IMAGE,
  recipe: config.ENGINE_RECIPE,
  env: config.ENGINE_ENV,
  command: config.ENGINE_CMD,
  labels: config.ENGINE_LABELS,
  volumes: config.ENGINE_VOLUMES,
  tmpfs: config.ENGINE_TMPFS,
  shmBytes: config.ENGINE_SHM_SIZE,
  dns: config.ENGINE_DNS,
  securityOpt: asSet(config.ENGINE_SECURITY_OPT),
  healthCheck: config.ENGINE_HEALTHCHECK,
  memoryBytes: config.ENGINE_MEMORY_LIMIT,
  cpus: config.ENGINE_CPUS,
  pidsLimit: config.ENGINE_PIDS_LIMIT,
  capDrop: asSet(config.ENGINE_CAP_DROP),
  capAdd: asSet(config.ENGINE_CAP_ADD),
  cacheLimitGb: config.ENGINE_CACHE_LIMIT,
  network: config.DOCKER_NETWORK,
  publishAddress: publishAddressOf(config),
  mapHttps: config.ACE_MAP_HTTPS,
  publishP2p: config.PUBLISH_P2P,
  label: config.CONTAINER_LABEL,
  installation,
})

/** What decides on which host of a swarm engines go. */
export const hostSettingsOf = (config: Config): HostPlacesSettings => ({
  constraints: config.SWARM_CONSTRAINTS,
  maxEngines: config.SWARM_MAX_PER_NODE,
  publish: config.SWARM_PUBLISH,
  callersHost: config.SWARM_POST_NODE,
})

/** What decides where engines go. */
export const ownPlaceSettingsOf = (config: Config) => ({
  network: config.DOCKER_NETWORK,
  nodes: config.GLUETUN_CONTAINER_NAME,
})

/** The host that proxies are told for published ports, and whether that is an address at which we may reach them as well. */
export const reachSettingsOf = (config: Config) => {
  const host = config.ADVERTISE_HOST
  const kind = isLoopback(host) ? ('loopback' as const) : isIP(host) === 0 ? null : ('address' as const)
  return {
    told: { host, kind },
    isHostReached: kind !== 'loopback' && !isLoopback(publishAddressOf(config)),
  }
}

/** Where the cache of an image's engines is emptied; null for nowhere. */
export const cachePathOf =
  ({ ENGINE_CACHE_PATH, ENGINE_RECIPE }: Config) =>
  (image: string): string | null => {
    const recipe = recipeOf(ENGINE_RECIPE, image)
    return ENGINE_CACHE_PATH ?? (recipe?.hasShell ? recipe.cache.path : null)
  }

/** Sorts names and removes duplicates, so that neither their order nor repetitions make an engine outdated. */
const asSet = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted()

/** The limits of admission. */
export const admissionSettingsOf = (config: Config): AdmissionSettings => ({
  targetImage: config.TARGET_IMAGE,
  pullsImage: config.PULL !== 'never',
  maxReplicas: config.MAX_REPLICAS,
  autoDelete: config.AUTO_DELETE,
  graceSeconds: config.ENGINE_GRACE_PERIOD_S,
  breakers: {
    templateHash: templateHash(templateOf(config, ''), config.TARGET_IMAGE),
    general: {
      failureThreshold: config.CIRCUIT_BREAKER_FAILURE_THRESHOLD,
      recoveryMs: config.CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S * 1_000,
    },
    replacement: {
      failureThreshold: config.CIRCUIT_BREAKER_REPLACEMENT_THRESHOLD,
      recoveryMs: config.CIRCUIT_BREAKER_REPLACEMENT_TIMEOUT_S * 1_000,
    },
  },
})

/** How much history is kept. */
export interface History extends HistoryLimits {
  /** The maximum number of samples of all streams together. */
  readonly samples: number
}

/**
 * A million samples take about 75 MB, and all of these rows about 100 MB, as acexy makes them. A row may be a hundred times longer,
 * so `bytes` bounds the whole: with what is written between two sweeps, and with its log, the database stays below 150 MB.
 */
export const HISTORY: History = {
  engines: { rows: 1_000, days: 30 },
  streams: { rows: 10_000, days: 30 },
  journal: { rows: 50_000, days: 30 },
  idempotencyKeys: { rows: 10_000, days: 1 },
  samples: 1_000_000,
  bytes: 120_000_000,
}

/** How often statistics are written, and how many are kept. */
export const statisticsSettingsOf = (config: Config, { samples }: History) => ({
  intervalMs: config.COLLECT_INTERVAL_S * 1_000,
  limits: { perStream: config.STATS_HISTORY_MAX, total: samples },
})

/**
 * The maximum number of started streams that are matched to one engine: far more than an engine serves, and few enough for a
 * list.
 */
export const streamsPerEngineMax = (config: Config): number =>
  Math.max(128, 4 * config.MAX_STREAMS_PER_ENGINE)

/** The settings of the fleet's policy. */
export const policySettingsOf = (config: Config): PolicySettings => ({
  minReplicas: config.MIN_REPLICAS,
  minFree: config.MIN_FREE_REPLICAS,
  maxReplicas: config.MAX_REPLICAS,
  autoDelete: config.AUTO_DELETE,
  graceMs: config.ENGINE_GRACE_PERIOD_S * 1_000,
  drainHideMs: config.DRAIN_HIDE_S * 1_000,
  startupTimeoutMs: config.STARTUP_TIMEOUT_S * 1_000,
  concurrentStarts: config.MAX_CONCURRENT_PROVISIONS,
  startIntervalMs: config.MIN_PROVISION_INTERVAL_S * 1_000,
  unhealthyGraceMs: config.HEALTH_UNHEALTHY_GRACE_PERIOD_S * 1_000,
  replacementCooldownMs: config.HEALTH_REPLACEMENT_COOLDOWN_S * 1_000,
  reconnectGraceMs: config.VPN_RECONNECT_GRACE_S * 1_000,
  restartsOnReconnect: config.VPN_RESTART_ENGINES_ON_RECONNECT,
  isVpnStrict: config.VPN_STRICT,
})

/** What callers may request; `isKeyed` says whether they need a key. */
export function requestLimitsOf(config: Config, { isKeyed }: { readonly isKeyed: boolean }): RequestLimits {
  const vpn = vpnNodesOf(config).map(({ ports }) => ports)
  const app = { setting: 'APP_PORT', range: { first: config.APP_PORT, last: config.APP_PORT } }
  const host = { setting: 'PORT_RANGE_HOST', range: config.PORT_RANGE_HOST }
  // Behind a VPN the other port ranges of engines are in a network in which nobody else publishes ports.
  const shared: readonly KeptPorts[] =
    vpn.length === 0
      ? [{ setting: 'ACE_HTTPS_RANGE', range: config.ACE_HTTPS_RANGE }]
      : vpn.map((range) => ({ setting: 'GLUETUN_PORT_RANGE', range }))
  const p2p = vpn.length === 0 ? [{ setting: 'ACE_P2P_RANGE', range: config.ACE_P2P_RANGE }] : []
  return {
    vpn,
    keptFromEngines: [app, ...(vpn.length === 0 ? shared : []), ...p2p],
    keptFromOthers: [app, host, ...shared, ...(config.PUBLISH_P2P ? p2p : [])],
    images: isKeyed ? null : config.ALLOWED_IMAGES,
  }
}

/** The VPN nodes, each with the ports that it publishes and those that are forwarded to it for good; empty without a VPN. */
export const vpnNodesOf = (config: Config): readonly VpnNodeSettings[] =>
  config.GLUETUN_CONTAINER_NAME.flatMap((name, index) => {
    const ports = config.GLUETUN_PORT_RANGE[index]
    const fixed = config.GLUETUN_FIXED_PORTS.find(({ node }) => node === name)
    // The rules of the configuration guarantee one range for each node.
    return ports === undefined
      ? []
      : [{ name, ports, fixedPorts: fixed?.ports ?? [], ownPorts: ownPortsOf(config) }]
  })

/** Where Gluetun listens in the network that engines share: its control server, and its health server (9999 by default). */
const ownPortsOf = (config: Config): readonly number[] =>
  isGluetun(config) ? [config.GLUETUN_API_PORT, GLUETUN_HEALTH_PORT] : []

const GLUETUN_HEALTH_PORT = 9_999

/** Whether the containers of the VPN are Gluetun, and so have a control server. */
const isGluetun = (config: Config): boolean => config.VPN_CONTROL === 'gluetun'

/** When a VPN counts as up, and how long the reports about it stay valid. */
export const vpnSettingsOf = (config: Config) => ({
  stableMs: config.VPN_STABLE_S * 1_000,
  graceMs: config.VPN_RECONNECT_GRACE_S * 1_000,
  controlMaxAgeMs: config.GLUETUN_HEALTH_CHECK_INTERVAL_S * 3_000 + CONTROL_PATIENCE_MS,
  portMaxAgeMs: config.GLUETUN_PORT_CACHE_TTL_S * 1_000,
  isGluetun: isGluetun(config),
})

/** How long the answers of a control server may take in addition to the rounds. */
const CONTROL_PATIENCE_MS = 5_000

/** How control servers are asked. */
export function vpnWorkerSettingsOf(config: Config) {
  const { GLUETUN_API_KEY: key, GLUETUN_API_USER: user, GLUETUN_API_PASSWORD: password } = config
  const basic =
    user === null ? ({ kind: 'none' } as const) : ({ kind: 'basic', user, password: password ?? '' } as const)
  const intervalMs = config.GLUETUN_HEALTH_CHECK_INTERVAL_S * 1_000
  return {
    dockerHost: config.DOCKER_HOST,
    certificates: certificatesOf(config),
    label: config.CONTAINER_LABEL,
    nodes: config.GLUETUN_CONTAINER_NAME,
    isGluetun: isGluetun(config),
    apiPort: config.GLUETUN_API_PORT,
    publishedHost: publishedHost(config.DOCKER_HOST),
    auth: key === null ? basic : ({ kind: 'apikey', key } as const),
    intervalMs,
    timeoutMs: Math.min(CONTROL_TIMEOUT_MS, intervalMs),
  }
}

const CONTROL_TIMEOUT_MS = 3_000
