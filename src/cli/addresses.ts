import type { Config } from '../config/config.ts'
import { hostInUrl } from '../core/host-port.ts'

/** An address of this machine, as `os.networkInterfaces()` has it. */
export interface OwnAddress {
  readonly address: string
  readonly family: string
  readonly internal: boolean
}

/** How many addresses of this machine are named: a host of many networks has one in each. */
const NAMED_MAX = 4

/** Interfaces of container networks, at whose addresses no client of other machines is. */
const OF_CONTAINERS = /^(?:docker|br-|veth|virbr|cni|podman)/

/**
 * The URLs at which a server that listens at `BIND` is reached; if that is all addresses, those of this machine by which
 * others may reach it. Pure: `interfaces` are those of this machine by name.
 */
export function addressesOf(
  { BIND, APP_PORT }: Pick<Config, 'BIND' | 'APP_PORT'>,
  interfaces: Readonly<Record<string, readonly OwnAddress[] | undefined>>,
): readonly string[] {
  const url = (host: string): string => `http://${hostInUrl(host)}:${APP_PORT}`
  if (BIND !== '0.0.0.0' && BIND !== '::') return [url(BIND)]
  const own = Object.entries(interfaces)
    .filter(([name]) => !OF_CONTAINERS.test(name))
    .flatMap(([, addresses = []]) => addresses)
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
  return ['localhost', ...own.slice(0, NAMED_MAX)].map(url)
}
