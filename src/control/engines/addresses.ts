import { hostInUrl, isEverywhere } from '../../core/host-port.ts'
import { isCalled } from '../../core/hosts/placement.ts'
import type { Engine, HostPort } from '../../core/types.ts'

export interface AddressSettings {
  /** Which address proxies get; see `advertised`. */
  readonly advertise: 'auto' | 'container' | 'host' | 'ip'
  /**
   * Given where there are several hosts and a published port is reached at the address of the engine's own one, and not at
   * `advertiseHost`. `callersHost` is the host that proxies run on, by id or name; null if that is not known.
   */
  readonly ownHost?: { readonly callersHost: string | null } | null
  /** The host under which proxies reach published ports. */
  readonly advertiseHost: string
  /** The host under which this process reaches published ports. */
  readonly dockerHost: string
  /** The address of the Docker host that ports are published on; one for all addresses, or empty. */
  readonly publishAddress: string
}

/** Returns the addresses of the host, beside those of the settings, at which an engine's published port may be reached. */
type HostAddresses = (engine: Engine) => readonly string[]

/** Returns the addresses of a VPN node's container, by the node's name; none if they are not known. */
type NodeAddresses = (node: string) => readonly string[]

/** Networks in which Docker does not resolve container names, so an engine's name is useless there. */
const NAMELESS = new Set(['bridge', 'host', 'none'])

/** The addresses of an engine: those that proxies get, those that we probe, and those that events may contain. */
export class Addresses {
  constructor(
    private readonly settings: AddressSettings,
    private readonly nodeAddresses: NodeAddresses,
    private readonly hostAddresses: HostAddresses = () => [],
  ) {}

  /**
   * The address in `GET /engines`. `auto`: the name of the VPN container behind a VPN, the container's own name on a
   * user-defined network, otherwise the advertised host and the published port. `container`, `host` and `ip` ask for one
   * kind. `ip` falls back to the published port if the engine has no address of its own. An IPv6 address is in brackets.
   */
  advertised(engine: Engine): HostPort {
    const { host, port } = this.#told(engine)
    return { host: hostInUrl(host), port }
  }

  #told(engine: Engine): HostPort {
    const { advertise, advertiseHost } = this.settings
    const published = { host: this.#hostOf(engine) ?? advertiseHost, port: engine.hostHttpPort }
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

  /** What the address in `GET /engines` is. */
  wayTo(engine: Engine): 'published' | 'address' | 'container' | 'vpn_container' {
    const { host, port } = this.advertised(engine)
    if (host === engine.vpnNode) return 'vpn_container'
    if (host === engine.name) return 'container'
    return host === engine.address && port === engine.httpPort ? 'address' : 'published'
  }

  /**
   * The addresses at which this process may reach the engine: its published port at every host that the settings name, and at
   * the gateways of our own networks; and its own addresses as Docker gives them. The health worker finds out which one
   * answers. None for an engine that an earlier version adopted without knowing its port.
   */
  probed(engine: Engine): HostPort[] {
    const places = [...this.#published(engine), ...this.#own(engine)]
    return places.filter(({ host, port }) => host !== '' && port > 0 && port <= 65_535)
  }

  /** The address of the engine's host, if its port is published there and nowhere else; null otherwise. */
  #hostOf({ host }: Engine): string | null {
    return this.settings.ownHost ? (host?.address ?? null) : null
  }

  #published(engine: Engine): HostPort[] {
    const own = this.#hostOf(engine)
    if (own !== null) return [{ host: own, port: engine.hostHttpPort }]
    const { dockerHost, publishAddress, advertiseHost } = this.settings
    const chosen = isEverywhere(publishAddress) ? [] : [publishAddress]
    const hosts = new Set([dockerHost, ...chosen, advertiseHost, ...this.hostAddresses(engine)])
    return [...hosts].map((host) => ({ host, port: engine.hostHttpPort }))
  }

  #own({ vpnNode, address, httpPort: port }: Engine): HostPort[] {
    if (vpnNode !== null) return [...this.nodeAddresses(vpnNode), vpnNode].map((host) => ({ host, port }))
    return address === null ? [] : [{ host: address, port }]
  }

  /** A proxy says the host of the settings, or localhost of an engine that it was just given on its own host. */
  #saidByProxies(engine: Engine): HostPort[] {
    const { advertiseHost, ownHost } = this.settings
    const port = engine.hostHttpPort
    if (!ownHost) return [{ host: advertiseHost, port }]
    const { callersHost } = ownHost
    const isTheirs = engine.host !== null && callersHost !== null && isCalled(engine.host, callersHost)
    return isTheirs ? [{ host: 'localhost', port }] : []
  }

  /** Every address under which a proxy may have reached the engine. */
  known(engine: Engine): HostPort[] {
    return [
      this.advertised(engine),
      { host: engine.vpnNode ?? engine.name, port: engine.httpPort },
      ...this.#saidByProxies(engine),
      ...this.probed(engine),
    ]
  }
}

const isNamed = ({ networks }: Engine): boolean => networks.some((network) => !NAMELESS.has(network))
