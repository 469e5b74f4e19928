import type { Engine, HostPort } from '../../core/types.ts'

export interface AddressSettings {
  /** What proxies are told: see `advertised`. */
  readonly advertise: 'auto' | 'container' | 'host' | 'ip'
  /** The host under which published ports are reached by proxies. */
  readonly advertiseHost: string
  /** The host under which this process reaches published ports. */
  readonly dockerHost: string
}

/** The addresses of a VPN node's container, by its name; none while they are not known. */
type NodeAddresses = (node: string) => readonly string[]

/** Networks where Docker's own names are not resolved, so an engine's name would mean nothing. */
const NAMELESS = new Set(['bridge', 'host', 'none'])

/** Under which addresses an engine is told to proxies, found by us, and recognised in events. */
export class Addresses {
  constructor(
    private readonly settings: AddressSettings,
    private readonly nodeAddresses: NodeAddresses,
  ) {}

  /**
   * What `GET /engines` says. `auto`: the VPN container's name behind a VPN, the container's own name on a user-defined
   * network, else the advertised host and the published port. `container`, `host`, `ip` ask for one of these; where an
   * engine has no address of its own, `ip` falls back to the published port.
   */
  advertised(engine: Engine): HostPort {
    const { advertise, advertiseHost } = this.settings
    const published = { host: advertiseHost, port: engine.hostHttpPort }
    const named = { host: engine.vpnNode ?? engine.name, port: engine.httpPort }
    switch (advertise) {
      case 'host':
        return published
      case 'container':
        return named
      case 'ip':
        return engine.address === null ? published : { host: engine.address, port: engine.httpPort }
      case 'auto':
        return engine.vpnNode !== null || isNamed(engine) ? named : published
      default:
        return advertise satisfies never
    }
  }

  /**
   * Where this process may reach it, whatever is advertised; the worker finds out which one answers. An engine that an earlier
   * version took over without knowing its port is reached nowhere.
   */
  probed(engine: Engine): HostPort[] {
    return this.#places(engine).filter(({ host, port }) => host !== '' && port > 0 && port <= 65_535)
  }

  #places(engine: Engine): HostPort[] {
    const published = { host: this.settings.dockerHost, port: engine.hostHttpPort }
    if (engine.vpnNode !== null) {
      const hosts = [...this.nodeAddresses(engine.vpnNode), engine.vpnNode]
      return [published, ...hosts.map((host) => ({ host, port: engine.httpPort }))]
    }
    return engine.address === null
      ? [published]
      : [published, { host: engine.address, port: engine.httpPort }]
  }

  /** Every address under which a proxy may have come to it. */
  known(engine: Engine): HostPort[] {
    return [
      this.advertised(engine),
      { host: engine.vpnNode ?? engine.name, port: engine.httpPort },
      { host: this.settings.advertiseHost, port: engine.hostHttpPort },
      ...this.probed(engine),
    ]
  }
}

const isNamed = ({ networks }: Engine): boolean => networks.some((network) => !NAMELESS.has(network))
