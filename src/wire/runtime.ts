import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { certificatesOf } from '../config/docker-tls.ts'
import type { Mask } from '../core/secrets.ts'
import { createDockerRuntime, DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS } from '../runtime/docker.ts'
import { type RegistryLogins, registryLoginsIn } from '../runtime/registry-logins.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createSwarmRuntime } from '../runtime/swarm.ts'

/** Makes the container engine that the settings name. `mask` is applied to what it says. See `createDockerRuntime`. */
export function runtimeOf(config: Config, mask?: Mask): Runtime {
  const options = {
    dockerHost: config.DOCKER_HOST,
    certificates: certificatesOf(config),
    label: config.CONTAINER_LABEL,
    deadlinesMs: DEFAULT_DEADLINES_MS,
    logs: DEFAULT_LOG_LIMITS,
    ...(mask ? { mask } : {}),
  }
  return config.ENGINE_RUNTIME === 'swarm'
    ? createSwarmRuntime({ ...options, publish: config.SWARM_PUBLISH, registryLogins: loginsOf(config) })
    : createDockerRuntime(options)
}

const loginsOf = ({ DOCKER_CONFIG: folder }: Config): RegistryLogins =>
  registryLoginsIn(folder ?? join(homedir(), '.docker'))
