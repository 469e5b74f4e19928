/** What the parts need of the configuration, in their own terms. */
import type { Config } from './config.ts'
import type { GateSettings } from './control/gate.ts'
import type { PolicySettings } from './control/survey.ts'
import type { EngineTemplate } from './control/template.ts'

/** How engines are made. */
export const templateOf = (config: Config): EngineTemplate => ({
  image: config.TARGET_IMAGE,
  env: config.ENGINE_ENV,
  command: config.ENGINE_CMD,
  memoryBytes: config.ENGINE_MEMORY_LIMIT,
  cpus: config.ENGINE_CPUS,
  cacheLimitGb: config.ENGINE_CACHE_LIMIT,
  network: config.DOCKER_NETWORK,
  publishAddress: '',
  mapHttps: config.ACE_MAP_HTTPS,
  label: config.CONTAINER_LABEL,
})

/** The limits of admission. */
export const gateSettingsOf = (config: Config): GateSettings => ({
  maxReplicas: config.MAX_REPLICAS,
  autoDelete: config.AUTO_DELETE,
  graceSeconds: config.ENGINE_GRACE_PERIOD_S,
  vpnNodes: config.GLUETUN_CONTAINER_NAME,
  breakers: {
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

/** Published ports are reached where the Docker Engine is. */
export const publishedHost = (dockerHost: string | null): string =>
  (dockerHost?.startsWith('tcp://') && URL.parse(dockerHost)?.hostname) || '127.0.0.1'

/** What is wanted of the fleet. */
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
})
