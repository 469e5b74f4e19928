import type { ContainerState } from '../core/types.ts'
import { NotDockers } from './docker-failures.ts'
import { variablesOf } from './docker-observation.ts'
import type { ContainerObservation, PublishedPort } from './runtime.ts'
import type { ServiceSpec, SwarmNode, SwarmService, SwarmTask } from './swarm-answers.ts'
import { hostAmong, isOpen, isUp } from './swarm-hosts.ts'
import { isClosed } from './swarm-refusals.ts'
import { hostIdOf, RUNTIME_LABELS, replicasOf } from './swarm-spec.ts'
import { hasEnded, inOrder, isHeld, isRunning, isStray, isWanted, unplacedFor } from './swarm-tasks.ts'

/** What is known of one service. */
export interface SwarmView {
  readonly service: SwarmService
  /** Those of this service, in any order. */
  readonly tasks: readonly SwarmTask[]
  readonly nodes: readonly SwarmNode[]
}

/**
 * Converts a service into what an inspection shows of its container. `restarts` is how often Swarm has started the container
 * since its last start by a call, as far as that was seen. Throws NotDockers if a time is invalid.
 */
export function fromService(view: SwarmView, restarts: number | null): ContainerObservation {
  const { service, nodes } = view
  const { Spec: spec } = service
  const current = currentTask(view)
  const state = stateOf(view, current)
  const [image = '', imageId = null] = (spec.TaskTemplate.ContainerSpec?.Image ?? '').split('@')
  const hostId = hostIdOf(spec) ?? current?.NodeID ?? null
  const ports = portsOf(spec)
  return {
    id: service.ID,
    name: spec.Name,
    ...{ image: spec.Labels?.[RUNTIME_LABELS.image] ?? image, imageId, state },
    labels: shownLabels(spec),
    variables: variablesOf(spec.TaskTemplate.ContainerSpec?.Env ?? []),
    ports,
    openPorts: [
      ...new Set(ports.filter(({ protocol }) => protocol === 'tcp').map(({ hostPort }) => hostPort)),
    ],
    loopbackPorts: [],
    ...placeOf(state === 'running' ? current : null),
    health: null,
    healthText: null,
    host: hostId === null ? null : hostAmong(nodes, hostId),
    createdAtMs: timeOf(service.CreatedAt),
    // Swarm moves the time of a task on when it is about to be stopped.
    startedAtMs: current && isRunning(current) && isWanted(current) ? timeOf(current.Status.Timestamp) : null,
    exitCode: state === 'exited' ? exitCodeOf(view.tasks) : null,
    // Before its first start that succeeds, Swarm may have tried more than once.
    restarts: state === 'created' ? 0 : restarts,
  }
}

/** The same as a list shows it, where ports belong to what runs. */
export function fromListedService(view: SwarmView): ContainerObservation {
  const seen = fromService(view, null)
  const isBound = seen.state === 'running' || seen.state === 'restarting'
  return {
    ...seen,
    variables: {},
    ...(isBound ? {} : { ports: [], openPorts: [] }),
    ...{ startedAtMs: null, exitCode: null, restarts: null },
  }
}

/** The labels of a service but for those of this runtime. */
export function shownLabels({ Labels }: ServiceSpec): Record<string, string> {
  const ours: readonly string[] = Object.values(RUNTIME_LABELS)
  return Object.fromEntries(Object.entries(Labels ?? {}).filter(([key]) => !ours.includes(key)))
}

/**
 * The task that tells what the container does: the newest one, but for strays of a service that was stopped. When a node is
 * lost, Swarm makes further tasks that it can put nowhere; then what was last known of the one on that node is told, because
 * nobody knows what has become of it.
 */
function currentTask({ service, tasks, nodes }: SwarmView): SwarmTask | null {
  const ordered = inOrder(tasks)
  const host = hostIdOf(service.Spec)
  if (host !== null && !isUp(nodes, host)) {
    const known = ordered.findLast(({ NodeID }) => NodeID === host)
    if (known !== undefined) return known
  }
  const isStopped = replicasOf(service.Spec) === 0
  return ordered.findLast((task) => !(isStopped && isStray(task))) ?? null
}

/**
 * What one container would be doing. Where a task has ended, Swarm is about to make another one; only where the scheduler says
 * that no node may have it, nothing comes.
 */
function stateOf({ service: { Spec: spec }, nodes }: SwarmView, current: SwarmTask | null): ContainerState {
  const replicas = replicasOf(spec)
  const isStarted = replicas !== 0 || spec.Labels?.[RUNTIME_LABELS.started] !== undefined
  if (!isStarted) return 'created'
  if (current && isRunning(current)) return 'running'
  if (replicas === 0) return current && isHeld(current) ? 'restarting' : 'exited'
  if (current === null) return 'restarting'
  const words = unplacedFor(current)
  if (words !== null) return isPlacedSoon(words, spec, nodes) ? 'restarting' : 'exited'
  return hasEnded(current) && !isBroughtBack(spec) ? 'exited' : 'restarting'
}

/** The scheduler's words are older than the return of a host that takes containers again. */
function isPlacedSoon(words: string, spec: ServiceSpec, nodes: readonly SwarmNode[]): boolean {
  const host = hostIdOf(spec)
  return isClosed(words) && host !== null && isOpen(nodes, host)
}

const isBroughtBack = ({ TaskTemplate }: ServiceSpec): boolean =>
  (TaskTemplate.RestartPolicy?.Condition ?? 'any') === 'any'

/**
 * The exit code of the last task that ended by itself. Swarm removes a task that a call has stopped, and its exit code with it;
 * that of another one is -1 until Swarm knows it.
 */
function exitCodeOf(tasks: readonly SwarmTask[]): number | null {
  const last = inOrder(tasks).findLast((task) => hasEnded(task) && task.DesiredState !== 'remove')
  const code = last?.Status.ContainerStatus?.ExitCode
  return code === undefined || code < 0 ? null : code
}

function portsOf({ EndpointSpec }: ServiceSpec): PublishedPort[] {
  return (EndpointSpec?.Ports ?? [])
    .flatMap(({ Protocol, TargetPort, PublishedPort: hostPort = 0 }): PublishedPort[] =>
      hostPort > 0 && (Protocol === 'tcp' || Protocol === 'udp')
        ? [{ containerPort: TargetPort, hostPort, protocol: Protocol }]
        : [],
    )
    .toSorted((a, b) => a.containerPort - b.containerPort || a.hostPort - b.hostPort)
}

/** Where a container is in the networks that were made for it. The default network of its node concerns nobody else. */
function placeOf(
  task: SwarmTask | null,
): Pick<ContainerObservation, 'address' | 'addresses' | 'networks' | 'gateways' | 'joins'> {
  const attached = (task?.NetworksAttachments ?? []).filter(({ Network }) => Network.Spec?.Ingress !== true)
  const addresses = attached.flatMap(({ Addresses }) =>
    (Addresses ?? []).map((each) => each.replace(/\/\d+$/, '')),
  )
  const networks = attached.flatMap(({ Network }) => Network.Spec?.Name ?? [])
  return { address: addresses[0] ?? null, addresses, networks, gateways: {}, joins: null }
}

function timeOf(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new NotDockers('no time')
  return ms
}
