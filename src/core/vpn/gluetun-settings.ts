/** What Gluetun's own settings, the variables of its container, say about forwarded ports. */
export interface ForwardingSettings {
  /** Gluetun asks its provider for a port. */
  readonly asksForPort: boolean
  /** The ports at which it lets in whoever comes through the VPN: mostly those that the provider forwards for good. */
  readonly inputPorts: readonly number[]
}

/** Gluetun takes the older names of its switch as well. */
const SWITCHES = ['VPN_PORT_FORWARDING', 'PORT_FORWARDING', 'PRIVATE_INTERNET_ACCESS_VPN_PORT_FORWARDING']

const INPUT_PORTS = 'FIREWALL_VPN_INPUT_PORTS'

/** The variables that are read. All others of a container may be secrets. */
export const FORWARDING_VARIABLES: readonly string[] = [...SWITCHES, INPUT_PORTS]

/** More ports than anybody names. */
const PORTS_MAX = 20

/** Reads the variables of a Gluetun container; none count as "off". */
export function forwardingSettings(variables: Readonly<Record<string, string>>): ForwardingSettings {
  const ports = (variables[INPUT_PORTS] ?? '').split(',').map((text) => Number(text.trim()))
  return {
    asksForPort: SWITCHES.some((name) =>
      /^(?:on|yes|true|1|enabled?)$/i.test((variables[name] ?? '').trim()),
    ),
    inputPorts: [...new Set(ports.filter(isPort))].slice(0, PORTS_MAX),
  }
}

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port <= 65_535
