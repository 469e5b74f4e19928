import { type Engine, type EngineHost, isLive } from '../../core/types.ts'
import type { ContainerObservation } from '../../runtime/runtime.ts'
import {
  engineByContainer,
  engineById,
  insertEngine,
  liveEngines,
  skipEngineNumber,
} from '../../store/engines.ts'
import { appendJournal } from '../../store/journal.ts'
import { type Lease, leasesIn, leasesOf, tryLease } from '../../store/leases.ts'
import type { Db, Store } from '../../store/store.ts'
import { unseen } from '../engines/engine-row.ts'
import {
  CONFIG_LABEL,
  ENGINE_LABEL,
  type EngineTemplate,
  GENERIC_LABEL,
  INSTALLATION_LABEL,
  plainRequest,
  requestHash,
  VPN_LABELS,
} from '../engines/template.ts'
import type { VpnNode } from '../vpn/vpn-nodes.ts'
import { foundId, foundPorts, keptLabels, numberIn, portIn } from './found-values.ts'

/**
 * The longest config hash that is kept from a label. Ours are shorter, and a foreign hash still differs from ours when it is
 * cut.
 */
const HASH_LENGTH_MAX = 64

/**
 * Whether a container is an engine: it carries our engine label or, if the earlier orchestrator made it, the label of its
 * port.
 */
export const isEngineContainer = ({ labels }: Pick<ContainerObservation, 'labels'>): boolean =>
  labels[GENERIC_LABEL] === undefined &&
  (labels[ENGINE_LABEL] !== undefined || labels['acestream.http_port'] !== undefined)

/**
 * The row of a container, found by the container's id, otherwise by the engine that its label names. A copy of a live
 * engine's container, made by somebody with the same labels, has no row.
 */
export function rowOf(db: Db, container: Pick<ContainerObservation, 'id' | 'labels'>): Engine | undefined {
  const byContainer = engineByContainer(db, container.id)
  const named = foundId(container)
  if (byContainer !== undefined || named === null) return byContainer
  const byLabel = engineById(db, named)
  return byLabel !== undefined && isLive(byLabel) && byLabel.containerId !== null ? undefined : byLabel
}

/**
 * Inserts the row of a running engine that has none, from what its container says about itself. The engine may have viewers
 * that we do not know, so it is marked as adopted. It counts against `MAX_REPLICAS`, and is adopted even above that limit.
 * Throws if the container has no usable port.
 */
export function adopt(
  tx: Db,
  container: ContainerObservation,
  options: {
    readonly newId: string
    readonly template: EngineTemplate
    readonly nowMs: number
    readonly nodes: readonly VpnNode[]
    /** The scope in which the ports of an engine on this host are unique. */
    readonly scopeOf: (host: EngineHost | null) => string
  },
): Engine {
  const { newId, template, nowMs, nodes, scopeOf } = options
  const vpnNode = nodeOf(container, nodes)
  const named = foundId(container)
  const ports = foundPorts(container)
  if (ports === null) throw new Error(`container ${container.id} has no usable port`)
  const p2pPort = portIn(container.labels[VPN_LABELS.p2p])
  const engine: Engine = {
    ...unseen,
    ...ports,
    vpnNode,
    forwarded: container.labels[VPN_LABELS.forwarded] === 'true' && !hasCarrier(tx, vpnNode, p2pPort),
    apiPort: portIn(container.labels[VPN_LABELS.api]),
    p2pPort,
    networkContainerId: container.joins,
    host: container.host,
    // A copy carries the label of another engine, so it gets an id of its own.
    id: named !== null && engineById(tx, named) === undefined ? named : newId,
    status: 'starting',
    name: container.name,
    containerId: container.id,
    image: container.image,
    imageId: container.imageId,
    request: plainRequest,
    requestHash: requestHash(plainRequest),
    configHash: (container.labels[CONFIG_LABEL] ?? '').slice(0, HASH_LENGTH_MAX),
    scope: vpnNode ?? scopeOf(container.host),
    labels: keptLabels(container.labels, template.label),
    containerState: container.state,
    containerStartedAt: container.startedAtMs,
    // Nobody knows when the earlier restarts were, so they are no sign of a container that will not come up.
    restartCount: container.restarts ?? 0,
    address: container.address,
    networks: container.networks,
    createdAt: container.createdAtMs,
    handedOutAt: null,
    claimKey: null,
    adoptedAt: nowMs,
  }
  insertEngine(tx, engine)
  for (const lease of leasesOf(engine)) tryLease(tx, lease, nowMs)
  skipEngineNumber(tx, numberIn(container.name))
  const detail = {
    name: engine.name,
    port: engine.hostHttpPort,
    label: `${template.label.key}=${template.label.value}`,
    ...takenFrom(container, template),
  }
  appendJournal(tx, nowMs, { kind: 'engine.adopted', engineId: engine.id, detail })
  return engine
}

/** The installation that the container was taken over from, cut to the length of an id; nothing if the container is ours. */
function takenFrom({ labels }: Pick<ContainerObservation, 'labels'>, { installation }: EngineTemplate) {
  const made = labels[INSTALLATION_LABEL] || installation
  return made === installation ? {} : { installation: made.slice(0, installation.length) }
}

/**
 * Leases the ports of live engines that have no lease. This happens after a copy was adopted while its original, which has
 * the same ports, still held their leases.
 */
export function leaseAgain(store: Store, nowMs: number): void {
  const placeOf = ({ scope, port }: Pick<Lease, 'scope' | 'port'>): string => `${scope}:${port}`
  const held = new Set(leasesIn(store.db).map(placeOf))
  const missing = liveEngines(store.db)
    .flatMap(leasesOf)
    .filter((lease) => !held.has(placeOf(lease)))
  if (missing.length === 0) return
  store.transact((tx) => {
    for (const lease of missing) tryLease(tx, lease, nowMs)
  })
}

/** Whether a live engine carries the forwarded port. A copy of that engine has the same labels, but not the port. */
const hasCarrier = (db: Db, node: string | null, port: number | null): boolean =>
  liveEngines(db).some(({ vpnNode, forwarded, p2pPort }) => vpnNode === node && forwarded && p2pPort === port)

/** The node of ours whose network the container has joined, or that its label names; null if there is none. */
function nodeOf(
  { labels, joins }: Pick<ContainerObservation, 'labels' | 'joins'>,
  nodes: readonly VpnNode[],
): string | null {
  if (joins === null) return null
  const named = labels[VPN_LABELS.node]
  const node = nodes.find(({ name, container }) => [name, container?.id].includes(joins) || name === named)
  return node?.name ?? null
}
