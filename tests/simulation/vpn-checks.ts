import type { Clock } from '../../src/lib/clock.ts'
import type { Books, EngineBook } from './books.ts'
import type { Http } from './http.ts'
import type { OutsideChecks } from './outside-checks.ts'
import type { SimGluetun } from './sim-gluetun.ts'
import type { SimHost } from './sim-host.ts'
import type { TunnelChecks } from './tunnel-checks.ts'

interface Row {
  readonly container_id: string | null
  readonly container_name: string
  readonly vpn_container: string | null
  readonly forwarded: boolean
}

interface NodeRow {
  readonly container: string
  readonly state: string
  readonly forwarded_ports: readonly number[]
  readonly last_check: string | null
}

/**
 * How long a trouble of a node may have effects. Its engines may be stuck afterwards, which counts against the node until
 * Gluetun has had its 200 s to find a dead tunnel; and the verdict may be late.
 */
const TROUBLE_MS = 300_000
/** Where only engines tell of a dead tunnel, one that is stuck is tried by a restart, after ten minutes at the latest. */
const TRIED_MS = 660_000
/** How late an inspection, a probe or an answer of an engine may be. */
const STALE_MS = 45_000

export interface VpnChecksDeps {
  readonly clock: Clock
  readonly http: Http
  readonly books: Books
  readonly host: SimHost
  readonly outside: OutsideChecks
  readonly tunnels: Pick<TunnelChecks, 'check'>
  readonly onViolation: (text: string) => void
}

/** Checks what must hold for VPN nodes and the engines behind them at every moment. */
export class VpnChecks {
  constructor(private readonly deps: VpnChecksDeps) {}

  /** Reads engines and nodes at one instant and checks them. */
  async check(): Promise<void> {
    const { http, host, outside } = this.deps
    if (host.nodes.all.length === 0) return
    outside.look()
    const [listed, all, vpn] = await Promise.all([
      http.ask({ method: 'GET', path: '/engines' }),
      http.ask({ method: 'GET', path: '/engines?status=all' }),
      http.ask({ method: 'GET', path: '/vpn/status' }),
    ])
    if (listed?.status !== 200 || all?.status !== 200 || vpn?.status !== 200) return
    const { nodes } = vpn.body as { nodes: readonly NodeRow[] }
    outside.told(listed.body as Row[], nodes)
    for (const node of nodes) {
      const behind = (rows: unknown) => (rows as Row[]).filter((row) => row.vpn_container === node.container)
      this.#checkListed(node, behind(listed.body))
      this.#checkForwarded(node, behind(all.body))
      this.deps.tunnels.check(node, behind(listed.body).length)
    }
  }

  #checkListed({ container, state }: NodeRow, listed: readonly Row[]): void {
    const [row] = listed
    if (state === 'down' && row !== undefined)
      this.deps.onViolation(`${row.container_name} is listed, and its VPN ${container} is down`)
  }

  #checkForwarded({ container, forwarded_ports: ports }: NodeRow, rows: readonly Row[]): void {
    const { books, onViolation } = this.deps
    const carriers = rows.flatMap(({ forwarded, container_id: id, container_name: name }) => {
      // A copy may have the same name for a while.
      const row = forwarded
        ? books.live().find((each) => each.container_id === id && each.name === name)
        : null
      return row == null ? [] : [{ name, port: row.p2p_port }]
    })
    for (const { name, port } of carriers) {
      const names = carriers.filter((each) => each.port === port).map((each) => each.name)
      if (names.length > 1) onViolation(`${names.join(' and ')} carry port ${port} of ${container}`)
      // While it is not known which ports are forwarded, engines show what they had.
      if (ports.length > 0 && ports.every((each) => each !== port))
        onViolation(`${name} has port ${port}, forwarded to ${container} is ${ports.join()}`)
    }
  }

  /** Whether an engine's node was in trouble recently. */
  wasNodeInTrouble(vpnNode: string | null): boolean {
    const { nodes } = this.deps.host
    const node = nodes.named(vpnNode)
    // If engines can't report their connection, streams that stop together for another reason look like a dead tunnel.
    if (node === undefined) return false
    const mayBeMistaken = !nodes.canTell
    const longMs = TROUBLE_MS + (node.isOverseen ? 0 : TRIED_MS)
    return mayBeMistaken || this.deps.clock.now() - node.lastTroubleMs <= longMs
  }

  /** Whether the container's network is not that of its node, or was not until recently. */
  isNetworkGone(containerId: string): boolean {
    const { host, clock } = this.deps
    const seen = host.runtime.containers().find(({ id }) => id === containerId)
    // The container is being recreated.
    if (seen === undefined) return true
    if (seen.joins === null) return false
    const startedMs = seen.startedAtMs ?? 0
    return host.nodes.behindOf(seen) === undefined || clock.now() - startedMs <= STALE_MS
  }

  /** Whether the engine said, or might have said, that it is not connected. */
  wasCutOff(containerId: string): boolean {
    const { host, clock } = this.deps
    const link = host.process(containerId)?.link
    return link != null && clock.now() - link.lastOfflineMs <= STALE_MS
  }
}

/** Lists what is not as it must be behind the nodes when the fleet has settled. Empty if all is well. */
export function unsettledVpn({
  host,
  books,
  outside,
}: Pick<VpnChecksDeps, 'host' | 'books' | 'outside'>): string[] {
  const { nodes } = host
  // At the cap, the orchestrator waits for room that a draining engine will leave, even if its viewer never leaves.
  const isRoomOnItsWay = books.live().some(({ status }) => status === 'draining')
  const isIdle = (row: EngineBook): boolean =>
    row.status === 'ready' && row.adopted_at === null && books.streamsOf(row.id) === 0 && !isRoomOnItsWay
  return [
    ...books
      .live()
      .filter((row) => outside.of(row.container_id) !== null)
      .filter((row) => outside.isForbidden(row.container_id) || isIdle(row))
      .map(({ name }) => `${name} is outside the VPN`),
    ...nodes.all.filter((node) => !isWell(node)).map(({ name }) => `${name} is not well`),
    ...books.live().flatMap((row) => {
      const seen = host.runtime.containers().find(({ id }) => id === row.container_id)
      const isBehind = row.vpn_node !== null && outside.isNode(row.vpn_node) && seen !== undefined
      return isBehind && nodes.behindOf(seen) === undefined
        ? [`${row.name} is in no network of ${row.vpn_node}`]
        : []
    }),
    ...nodes.all.flatMap((node) => forwardedPortProblems(node, books)),
  ]
}

const isWell = (node: SimGluetun): boolean => node.state === 'running' && node.isTunnelUp

/** An engine must carry each forwarded port that has stood, as long as there are unused engines that could. */
function forwardedPortProblems(node: SimGluetun, books: Books): string[] {
  const ports = node.forwardedPorts
  if (ports.length === 0 || node.toldPorts?.join() !== ports.join()) return []
  const rows = books.live().filter((row) => row.vpn_node === node.name)
  const isPortTaken = (port: number): boolean =>
    rows.some((row) => [row.http_port, row.https_port, row.api_port].includes(port))
  const idle = rows.filter(
    (row) =>
      row.status === 'ready' &&
      row.adopted_at === null &&
      books.streamsOf(row.id) === 0 &&
      ports.every((port) => port !== row.p2p_port),
  )
  // At the cap, the orchestrator waits for room that a draining engine will leave, even if its viewer never leaves.
  const isRoomOnItsWay = books.live().some(({ status }) => status === 'draining')
  if (idle.length === 0 || isRoomOnItsWay) return []
  return ports
    .filter((port) => !isPortTaken(port))
    .map((port) => ({ port, carriers: rows.filter((row) => row.p2p_port === port).length }))
    .filter(({ carriers }) => carriers !== 1)
    .map(({ port, carriers }) => `port ${port} of ${node.name} is carried by ${carriers} engines`)
}
