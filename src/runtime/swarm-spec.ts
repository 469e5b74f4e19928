import type { LogLimits } from './docker-observation.ts'
import { type ContainerSpec, RuntimeFailure, type WantedPort } from './runtime.ts'
import type { ServiceSpec } from './swarm-answers.ts'
import { toMounts } from './swarm-mounts.ts'

/**
 * How ports are published. `host`: at the address of the node that the engine runs on, and at no other. `ingress`: by the
 * routing mesh, at the addresses of all nodes, which needs IPVS in their kernels.
 */
export type PublishMode = 'host' | 'ingress'

export interface ServiceOptions {
  readonly publish: PublishMode
  readonly logs: LogLimits
  /** What the nodes are to run, with the image's digest if it is known. */
  readonly image: string
}

/** The runtime's own labels of services. They are not shown as labels of the container. */
export const RUNTIME_LABELS = {
  /** The service was started by a call. Without it and without replicas, the container was never started. */
  started: 'roundhouse.runtime.started',
  /** The service is about to be removed, so it must not be started any more. */
  leaving: 'roundhouse.runtime.leaving',
  /** The image as it was asked for, without the digest that the nodes are told. */
  image: 'roundhouse.runtime.image',
} as const

/**
 * How long a task may take to end before it is killed. Swarm fixes it when a task is made, so the grace of `stop` comes too
 * late; this is the grace that restarts of engines are given.
 */
const STOP_GRACE_S = 2

/** How long Swarm waits before it starts a container again that has ended. It does not wait longer each time, as Docker does. */
const RESTART_DELAY_S = 0.5

/** Nanoseconds in a second; Docker expects nanoseconds. */
const SECOND = 1_000_000_000

/**
 * Makes the specification of a service with one container, which is bound to its host. Nothing runs before it gets a
 * replica. Throws RuntimeFailure `refused` for what a swarm cannot do, and for a specification without a host.
 */
export function toServiceSpec(spec: ContainerSpec, { publish, logs, image }: ServiceOptions): ServiceSpec {
  if (spec.host === undefined) throw lacks(spec, 'a container without a host')
  if (spec.securityOpt !== undefined && spec.securityOpt.length > 0)
    throw lacks(spec, `the security option ${spec.securityOpt[0]}`)
  if (spec.network?.startsWith('container:')) throw lacks(spec, 'a container in the network of another')
  return {
    Name: spec.name,
    Labels: { ...spec.labels, [RUNTIME_LABELS.image]: spec.image },
    TaskTemplate: {
      ContainerSpec: toContainerSpec(spec, image),
      Resources: { Limits: toLimits(spec) },
      RestartPolicy: { Condition: 'any', Delay: RESTART_DELAY_S * SECOND },
      Placement: { Constraints: [constraintTo(spec.host)] },
      ...(spec.network !== null && { Networks: [{ Target: spec.network }] }),
      LogDriver: {
        Name: 'json-file',
        Options: { 'max-size': logs.maxSize, 'max-file': String(logs.maxFiles) },
      },
    } as ServiceSpec['TaskTemplate'],
    Mode: { Replicated: { Replicas: 0 } },
    EndpointSpec: toEndpoint(spec.ports, publish),
  }
}

const HOST_CONSTRAINT = /^\s*node\.id\s*==\s*(\S+)\s*$/

const constraintTo = (host: string): string => `node.id==${host}`

/** The id of the node that a service is bound to; null for one that is bound to none. */
export function hostIdOf({ TaskTemplate }: ServiceSpec): string | null {
  const constraints = TaskTemplate.Placement?.Constraints ?? []
  return constraints.map((each) => HOST_CONSTRAINT.exec(each)?.[1]).find((id) => id !== undefined) ?? null
}

/** The number of containers that the service is to have; null if it is of a kind that has no such number. */
export const replicasOf = ({ Mode }: ServiceSpec): number | null =>
  Mode.Replicated ? (Mode.Replicated.Replicas ?? 0) : null

/** The same specification with this number of containers, and with these changes of its labels (null removes one). */
export function withReplicas(
  spec: ServiceSpec,
  replicas: number,
  labels: Readonly<Record<string, string | null>>,
): ServiceSpec {
  const changed = Object.entries({ ...spec.Labels, ...labels }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  )
  return { ...spec, Labels: Object.fromEntries(changed), Mode: { Replicated: { Replicas: replicas } } }
}

function toContainerSpec(spec: ContainerSpec, image: string) {
  return {
    Image: image,
    Labels: { ...spec.labels },
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    ...(spec.command && { Args: [...spec.command] }),
    // Swarm calls no container started before its health check is good, and replaces one whose check fails, with its viewers.
    Healthcheck: { Test: ['NONE'] },
    // The container runs foreign code, which must not gain privileges from a setuid program. Docker knows this from API 1.44
    // on; an older one does not read it.
    Privileges: { NoNewPrivileges: true },
    CapabilityDrop: [...(spec.capDrop ?? [])],
    CapabilityAdd: [...(spec.capAdd ?? [])],
    StopGracePeriod: STOP_GRACE_S * SECOND,
    Mounts: toMounts(spec),
    ...(spec.init !== undefined && { Init: spec.init }),
    ...(spec.dns !== undefined && { DNSConfig: { Nameservers: [...spec.dns] } }),
  }
}

const toLimits = ({ memoryBytes, cpus, pidsLimit }: ContainerSpec) => ({
  ...(memoryBytes !== null && { MemoryBytes: memoryBytes }),
  ...(cpus !== null && { NanoCPUs: Math.round(cpus * 1e9) }),
  ...(pidsLimit !== undefined && { Pids: pidsLimit }),
})

/** Without the routing mesh there is no use for the virtual address that a service has otherwise. */
function toEndpoint(ports: readonly WantedPort[], publish: PublishMode) {
  return {
    Mode: publish === 'host' ? 'dnsrr' : 'vip',
    Ports: ports.map(({ containerPort, hostPort, protocol }) => ({
      ...{ Protocol: protocol, TargetPort: containerPort, PublishedPort: hostPort, PublishMode: publish },
    })),
  }
}

const lacks = ({ name }: ContainerSpec, what: string): RuntimeFailure =>
  new RuntimeFailure('refused', `A swarm cannot run ${name}: there is no ${what.replace(/^an? /, '')} in it.`)
