import { FIXED_PORTS, freePort, NOT_FOR_PEERS, type PortRange } from '../../core/engines/ports.ts'
import { noFreePort, ProvisionRefused } from '../../core/provisioning/refusal.ts'
import type { Engine } from '../../core/types.ts'
import { liveEngines, updateEngine } from '../../store/engines.ts'
import { leasesOf, releaseLeases, takeLease } from '../../store/leases.ts'
import type { Db } from '../../store/store.ts'
import { type EngineTemplate, engineLabels } from '../engines/template.ts'
import type { Placer } from './placer.ts'
import type { PortBook } from './port-book.ts'

type Ports = Pick<
  Engine,
  'httpPort' | 'httpsPort' | 'hostHttpPort' | 'hostHttpsPort' | 'apiPort' | 'p2pPort' | 'forwarded'
>

/** Chooses and leases the ports of engines, in the given transaction. */
export class EnginePorts {
  constructor(
    private readonly deps: {
      readonly ports: PortBook
      readonly placer: Placer
      readonly template: EngineTemplate
    },
  ) {}

  /**
   * Leases the engine's ports. If one of them is a port forwarded to its node, engines with an earlier forwarded port carry
   * none any more.
   */
  take(tx: Db, engine: Engine, nowMs: number): void {
    for (const lease of leasesOf(engine)) takeLease(tx, lease, nowMs)
    forgetCarriers(tx, engine, this.deps.placer.forwardedPorts(engine))
  }

  /** Gives an engine other ports than it has, in the given transaction. Throws ProvisionRefused if none are left. */
  moved(tx: Db, engine: Engine, nowMs: number): Ports & Pick<Engine, 'labels'> {
    releaseLeases(tx, engine.id)
    const next = engine.hostHttpPort - this.deps.placer.rangeOf(engine).first + 1
    const change = this.free(tx, engine, next, nowMs)
    const moved = { ...engine, ...change }
    this.take(tx, moved, nowMs)
    return change
  }

  /**
   * Ports for the engine that are free in its place and differ from each other, and the labels that follow from them. Throws
   * ProvisionRefused if none are left. Behind a VPN each port is one of the node's network, so each needs a lease. Otherwise
   * only ports that are or may be published need one, since every container has ports of its own.
   */
  free(db: Db, engine: Engine, start: number, nowMs: number): Ports & Pick<Engine, 'labels'> {
    const { ports, template, placer } = this.deps
    const { scope, vpnNode } = engine
    const isShared = vpnNode !== null
    const fixed = isShared ? [] : FIXED_PORTS
    // A provider may forward any port, even one in our ranges.
    const used = [...placer.reservedPorts(engine)]
    const use = (name: string, port: number | null): number => {
      if (port === null) throw new ProvisionRefused(noFreePort(`all ports of ${name} are taken`))
      used.push(port)
      return port
    }
    const free = (name: string, range: PortRange, needed: readonly number[] = fixed): number =>
      use(name, ports.free(db, scope, range, start, nowMs, [...used, ...needed]))
    const httpRange = isShared ? 'GLUETUN_PORT_RANGE' : 'PORT_RANGE_HOST'
    const http =
      engine.request.hostPort === null
        ? free(httpRange, placer.rangeOf(engine), placer.neededBesides(engine))
        : use('host_port', engine.request.hostPort)
    const forwarded = placer.offeredPorts(db, engine).find((port) => port !== http) ?? null
    const isLeased = isShared || template.mapHttps
    const https = isLeased
      ? free('ACE_HTTPS_RANGE', ports.ranges.https)
      : use(
          'ACE_HTTPS_RANGE',
          freePort(ports.ranges.https, (port) => used.includes(port) || fixed.includes(port), 0),
        )
    const chosen = {
      httpPort: http,
      hostHttpPort: http,
      httpsPort: https,
      hostHttpsPort: template.mapHttps && !isShared ? https : null,
      apiPort: isShared ? free('ACE_API_RANGE', ports.ranges.api) : null,
      p2pPort: forwarded ?? free('ACE_P2P_RANGE', ports.ranges.p2p, isShared ? [] : NOT_FOR_PEERS),
      forwarded: forwarded !== null,
    }
    return { ...chosen, labels: engineLabels(template, { ...engine, ...chosen }) }
  }

  /**
   * The ports that an engine without leases continues with: its old ones if they are its own, and a forwarded port if one is
   * available. A port of an adopted engine may be leased to another engine, be unknown, or be the same as another port of
   * it. Throws ProvisionRefused if no port is left.
   */
  kept(tx: Db, engine: Engine, nowMs: number): Ports {
    const { ports, placer } = this.deps
    const { scope, hostHttpsPort } = engine
    const reservedPorts = placer.reservedPorts(engine)
    const used: number[] = []
    const keep = (had: number | null, range: PortRange): number => {
      const isOurs = had !== null && had > 0 && !used.includes(had) && !ports.isLeased(tx, scope, had)
      const port = isOurs ? had : ports.free(tx, scope, range, 0, nowMs, [...used, ...reservedPorts])
      if (port === null) throw new ProvisionRefused(noFreePort('none is left behind the VPN'))
      used.push(port)
      return port
    }
    const httpPort = keep(engine.httpPort, placer.rangeOf(engine))
    const httpsPort = keep(engine.httpsPort, ports.ranges.https)
    const apiPort = engine.vpnNode === null ? null : keep(engine.apiPort, ports.ranges.api)
    const offered = placer.offeredPorts(tx, engine).filter((port) => !used.includes(port))
    const forwarded = offered.find((port) => port === engine.p2pPort) ?? offered[0] ?? null
    const p2pPort = forwarded ?? keep(engine.p2pPort, ports.ranges.p2p)
    const isCarrier = forwarded !== null || (engine.forwarded && p2pPort === engine.p2pPort)
    return {
      httpPort,
      hostHttpPort: httpPort,
      httpsPort,
      hostHttpsPort,
      apiPort,
      p2pPort,
      forwarded: isCarrier,
    }
  }
}

/** If this engine has one of the ports that are forwarded now, engines that had an earlier one carry none. */
function forgetCarriers(tx: Db, { id, vpnNode, forwarded, p2pPort }: Engine, now: readonly number[]): void {
  if (!forwarded) return
  const others = liveEngines(tx).filter(
    (each) =>
      each.vpnNode === vpnNode &&
      each.forwarded &&
      each.id !== id &&
      (each.p2pPort === p2pPort || now.every((port) => port !== each.p2pPort)),
  )
  for (const other of others) updateEngine(tx, other.id, { forwarded: false })
}
