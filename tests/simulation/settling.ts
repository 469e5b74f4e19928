import type { Config } from '../../src/config/config.ts'
import type { Books, EngineBook } from './books.ts'
import { hostOf } from './host-checks.ts'
import type { Orders } from './orders.ts'
import type { OutsideChecks } from './outside-checks.ts'
import { isForeign } from './owners.ts'
import { GENERIC_LABEL, LABEL } from './scenario.ts'
import type { SimHost } from './sim-host.ts'
import { unsettledVpn } from './vpn-checks.ts'

/**
 * How long the fleet may take to settle after the last fault, in milliseconds. These may happen one after the other: the
 * slowest call runs into its deadline, and a full pass follows; a breaker recovers; a trial fails, and then all others start
 * in batches; every engine is replaced, with cooldown, boot and hiding; sessions that nobody ended expire (a minute); an
 * adopted engine shows for a minute that nobody watches, and is drained; its traffic is counted for half a minute if its
 * connections can't be read; containers that nobody needs are removed when they are a minute old. Behind a VPN: a dead
 * tunnel that nobody noticed is found after 177 s, and engines that are stuck with it count against it for 200 s more, or
 * until one of them is tried, after ten minutes at the latest. Then they are restarted one after the other, and an engine
 * with a stream waits until the stream stands still.
 */
export function settlingMs(config: Config): number {
  const starting = config.STARTUP_TIMEOUT_S + 2 * config.MONITOR_INTERVAL_S
  const looking = 40
  const hiding =
    config.ENGINE_GRACE_PERIOD_S + config.DRAIN_HIDE_S + config.HEALTH_UNHEALTHY_GRACE_PERIOD_S + looking
  const breakers = config.CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S + config.CIRCUIT_BREAKER_REPLACEMENT_TIMEOUT_S
  const batches = Math.ceil(config.MAX_REPLICAS / config.MAX_CONCURRENT_PROVISIONS)
  const one = config.HEALTH_REPLACEMENT_COOLDOWN_S + starting + hiding
  const isVpn = config.GLUETUN_CONTAINER_NAME.length > 0
  const restart = starting + config.VPN_RECONNECT_GRACE_S + config.HEALTH_UNHEALTHY_GRACE_PERIOD_S
  // A forwarded port stands for three minutes, and ten pass between two renewals for one, before an engine carries it.
  const ports = 180 + 2 * 600
  const vpn = isVpn ? 177 + 600 + 60 + config.VPN_STABLE_S + ports + restart * config.MAX_REPLICAS : 0
  // A host that is lost for good: the manager notices it, its probes fail, and its engines are given up.
  const host = config.ENGINE_RUNTIME === 'swarm' ? 60 : 0
  const seconds =
    vpn + host + 90 + breakers + starting * (1 + batches) + 120 + 60 + hiding + one * config.MAX_REPLICAS
  return seconds * 1_000
}

export interface SettledDeps {
  readonly books: Books
  readonly host: SimHost
  readonly orders: Orders
  readonly config: Config
  readonly outside: OutsideChecks
  /** The present answer of `GET /engines`. */
  readonly listed: readonly unknown[]
}

/** Lists everything that is not yet, or not any more, as it must be when the fleet has settled. Empty if it has. */
export function unsettled(deps: SettledDeps): string[] {
  return [
    ...containersAndRows(deps),
    ...leases(deps),
    ...statuses(deps),
    ...numbers(deps),
    ...streams(deps),
    ...unsettledVpn(deps),
    ...strandedOnHosts(deps),
  ]
}

function containersAndRows({ books, host }: SettledDeps): string[] {
  const rows = new Set(books.live().map(({ container_id: id }) => id))
  // Containers of other installations may be in any state.
  const ours = host.runtime.containers().filter((each) => !isForeign(each) || rows.has(each.id))
  const containers = ours.filter(
    ({ labels }) => labels[LABEL.key] === LABEL.value && labels[GENERIC_LABEL] === undefined,
  )
  const halfMade = ours.filter(
    ({ labels, state }) => labels[GENERIC_LABEL] !== undefined && state === 'created',
  )
  const there = new Map(containers.map(({ id, name }) => [id, name]))
  return [
    ...halfMade.map(({ name }) => `${name} was made and never started`),
    ...containers.filter(({ id }) => !rows.has(id)).map(({ name }) => `container ${name} is no engine`),
    ...containers.filter(({ state }) => state !== 'running').map(({ name, state }) => `${name} is ${state}`),
    ...books
      .live()
      .filter(({ container_id: id }) => id === null || !there.has(id))
      .map(({ name }) => `engine ${name} has no container`),
    ...books
      .live()
      .filter(({ container_id: id, name }) => (there.get(id ?? '') ?? name) !== name)
      .map(({ container_id: id, name }) => `engine ${name} is ${there.get(id ?? '')} by now`),
  ]
}

function leases({ books }: SettledDeps): string[] {
  const held = books.leases()
  const holders = new Set(held.map(({ engine_id: id }) => id))
  const live = new Set(books.live().map(({ id }) => id))
  // If two containers have the labels of one engine, the one found later gets no lease of the same port.
  const isTaken = ({ scope, host_http_port: port }: EngineBook): boolean =>
    held.some((lease) => lease.scope === scope && lease.port === port)
  return [
    ...[...holders].filter((id) => !live.has(id)).map((id) => `a lease of ${id}, which is history`),
    ...books
      .live()
      .filter((row) => !holders.has(row.id) && !isTaken(row))
      .map(({ name }) => `${name} has no lease`),
  ]
}

function statuses(deps: SettledDeps): string[] {
  const { books } = deps
  const rows = books.live().filter((row) => !isOpaque(row, deps.host))
  const stuck = rows.filter(({ status }) => status === 'provisioning' || status === 'starting')
  const draining = rows.filter((row) => row.status === 'draining' && !isStillWatched(row, deps))
  const breakers = books
    .breakers()
    .filter(({ state, trial_engine_id: trial }) => state === 'half_open' && trial)
  return [
    ...stuck.map(({ name, status }) => `${name} is ${status}`),
    ...draining.map(({ name, reason }) => `${name} drains: ${reason}`),
    ...breakers.map(({ name }) => `breaker ${name} is half-open with a trial`),
  ]
}

/**
 * Whether a draining engine waits for its viewers: those with a stream after an operator's order, and those without a stream
 * record if there may be any.
 */
function isStillWatched(
  { id, container_id: containerId }: EngineBook,
  { books, host, orders }: SettledDeps,
): boolean {
  const process = host.process(containerId ?? '')
  const isMoving = (process?.moving().length ?? 0) > 0
  // A viewer connected to an engine that answers may receive something at any moment.
  const isConnected = process?.answers === true && process.sessions().some(({ readers }) => readers > 0)
  return (
    isMoving ||
    isConnected ||
    isDark(containerId, host) ||
    (orders.isDrained(containerId ?? '') && books.streamsOf(id) > 0)
  )
}

/** Whether nothing shows if the engine is used. Such an engine is kept for good. */
function isDark(containerId: string | null, host: SimHost): boolean {
  const seen = host.runtime.containers().find(({ id }) => id === containerId)
  // In a swarm the engine's own word decides instead.
  return seen !== undefined && !host.isBlind && !host.showsConnections(seen) && !host.showsBytes(seen)
}

function numbers({ books, config, orders, listed, host, outside }: SettledDeps): string[] {
  // With an opaque engine that is not ready, this check can't predict the numbers.
  if (books.live().some((row) => isOpaque(row, host) && row.status !== 'ready')) return []
  const rows = books.live().filter(({ status }) => status === 'ready')
  const busy = rows.filter(({ id, adopted_at }) => books.streamsOf(id) > 0 || adopted_at !== null).length
  const minimum = orders.minimum(config.MIN_REPLICAS)
  const wished = Math.min(Math.max(minimum, busy + config.MIN_FREE_REPLICAS), config.MAX_REPLICAS)
  // Draining engines with viewers take up room for others. Engines that are already there may stay.
  const room = config.MAX_REPLICAS - books.live().filter(({ status }) => status === 'draining').length
  const wanted = Math.min(wished, room, capacityOf(host, config))
  const problems: string[] = []
  if (rows.length < wanted) problems.push(`${rows.length} engines are ready, ${wanted} are wanted`)
  const inside = rows.filter(({ container_id: id }) => outside.of(id) === null)
  const inVain = inside.filter(({ container_id: id }) => isWatchedInVain(id ?? '', host)).length
  if (listed.length > inside.length || listed.length < inside.length - inVain)
    problems.push(`${listed.length} of ${rows.length} engines are listed`)
  // If engines that are kept for good take up all room, one engine stays for the next viewer.
  const isFull = books.live().some((row) => row.status === 'draining' && isDark(row.container_id, host))
  if (config.AUTO_DELETE && rows.length > Math.max(wished, busy) + (isFull ? 1 : 0))
    problems.push(`${rows.length} engines are ready, only ${wished} are wanted`)
  return problems
}

/** How many engines the hosts of a swarm take at most. */
function capacityOf({ swarm }: SimHost, { SWARM_MAX_PER_NODE: most, SWARM_CONSTRAINTS }: Config): number {
  if (swarm === null || most === null) return Number.POSITIVE_INFINITY
  const meant = SWARM_CONSTRAINTS.length > 0 ? swarm.workers : swarm.hosts
  return most * meant.filter(({ id }) => swarm.troubleOf(id) === null).length
}

/**
 * Whether an engine says that it is not connected while its viewers prove the opposite. It is not restarted under them. It
 * is hidden if the present process had said before that it is connected.
 */
function isWatchedInVain(containerId: string, host: SimHost): boolean {
  const process = host.process(containerId)
  return process?.link?.says === false && process.moving().length > 0
}

/** Engines on hosts that are away for good. Others must have taken their place; `numbers` counts them. */
function strandedOnHosts({ books, host: { swarm } }: SettledDeps): string[] {
  return books
    .live()
    .filter((engine) => swarm !== null && swarm.troubleOf(hostOf(engine)) !== null)
    .map(({ name, status }) => `${name} is ${status} on a host that is away`)
}

/** Whether an adopted engine's traffic can't be counted. It may have viewers for six hours, whatever it reports. */
const isOpaque = ({ adopted_at, donor_id }: EngineBook, host: SimHost): boolean =>
  adopted_at !== null && (donor_id !== null || !host.countsTraffic)

/** A stream whose end nobody reported ends with its engine, or when the engine says that it does not know the session. */
function streams({ books, host }: SettledDeps): string[] {
  return books.startedStreams().flatMap(({ stream_id: id, engine_id, container_id, playback_session_id }) => {
    const process = host.process(container_id ?? '')
    if (process?.answers === true && process.session(playback_session_id) === undefined)
      return [`stream ${id}, whose session its engine does not know`]
    const status = engine_id === null ? undefined : books.byId(engine_id)?.status
    return status === 'gone' || status === 'failed' ? [`stream ${id} of an engine that is history`] : []
  })
}
