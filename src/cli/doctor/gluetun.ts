import { type PortRange, rangeText } from '../../core/engines/ports.ts'
import { missingParts } from '../../core/engines/published.ts'
import { partsOfProblem } from '../../core/vpn/control-problem.ts'
import { type Asked, counted, fault, ok, type Row, skipped, unanswered, warning } from './row.ts'

export interface NodeFacts {
  readonly name: string
  /** Whether it is Gluetun, and so has a control server. */
  readonly isGluetun: boolean
  /** The part of GLUETUN_PORT_RANGE that is this node's. */
  readonly range: { readonly first: number; readonly last: number }
  /** Its ports of GLUETUN_FIXED_PORTS. */
  readonly fixedPorts: readonly number[]
  readonly container: Asked<{
    readonly state: string
    readonly health: 'starting' | 'healthy' | 'unhealthy' | null
    readonly healthText: string | null
    /** TCP ports that are published under their own number; `all` in the network of the host. */
    readonly reachablePorts: 'all' | readonly number[]
    /** What its own settings say of forwarded ports; see `ForwardingSettings`. */
    readonly asksForPort: boolean
    readonly inputPorts: readonly number[]
  }>
  /** What its control server said; null if it was not asked, since it has none, or since the container does not run. */
  readonly control: {
    readonly status: string | null
    /** Empty if it forwards none. */
    readonly forwardedPorts: readonly number[] | null
    /** What could not be learned and what to do; null if all was learned. */
    readonly problem: string | null
  } | null
}

type Container = Extract<NodeFacts['container'], { readonly kind: 'answer' }>['value']

/** One node: its container, its control server, the forwarded port and the ports that it publishes. */
export function gluetunRows(
  node: NodeFacts,
  advertise: 'auto' | 'container' | 'host' | 'ip',
): readonly Row[] {
  const { name, container: asked } = node
  if (asked.kind === 'missing')
    return [
      fault(
        'gluetun',
        `there is no container ${name}`,
        'start it, or set GLUETUN_CONTAINER_NAME to the name that "docker ps" shows (not that of the compose service)',
      ),
    ]
  if (asked.kind !== 'answer') return [unanswered('gluetun', asked)]
  const container = asked.value
  return [
    containerRow(node, container),
    controlRow(node),
    portRow(node, container),
    publishedRow(node, container, advertise),
  ]
}

function containerRow(
  { name, isGluetun, control }: NodeFacts,
  { state, health, healthText }: Container,
): Row {
  if (state !== 'running')
    return fault(
      'gluetun',
      `${name} does not run: it is ${state}`,
      `run: docker start ${name}; and see docker logs ${name}`,
    )
  if (health === 'unhealthy')
    return fault(
      'gluetun',
      `${name} is unhealthy${healthText === null ? '' : ` (${healthText})`}`,
      control?.status === 'running' ? CHECK_REMEDY : `see docker logs ${name}: its VPN is not up`,
    )
  if (health === 'starting')
    return warning(
      'gluetun',
      `${name} runs, and its health is not known yet`,
      'call the doctor again in a minute',
    )
  if (health === null && !isGluetun)
    return warning(
      'gluetun',
      `${name} runs, without a health check and without a control server (VPN_CONTROL=none)`,
      'give its container a health check that looks through the VPN: only engines that lose their connection tell of a dead one',
    )
  return ok('gluetun', health === null ? `${name} runs, without a health check` : `${name} is healthy`)
}

/** Gluetun looks for certain addresses in its check, and calls a VPN running that it has just started. */
const CHECK_REMEDY =
  'its control server says that its VPN runs. If nothing plays, see its log; if engines play, give its check other ' +
  'targets: HEALTH_TARGET_ADDRESSES, HEALTH_ICMP_TARGET_IPS or HEALTH_SMALL_CHECK_TYPE=dns of Gluetun'

function controlRow({ name, isGluetun, control }: NodeFacts): Row {
  if (!isGluetun) return skipped('gluetun_control', `${name} has no control server (VPN_CONTROL=none)`)
  if (control === null) return skipped('gluetun_control', `${name} does not run`)
  const { status, problem } = control
  if (problem !== null) {
    const [message, remedy] = partsOfProblem(problem)
    const row = status === null ? fault : warning
    return row('gluetun_control', `${name}: ${message}`, remedy)
  }
  if (status === 'running')
    return ok('gluetun_control', `the control server of ${name} says that its VPN runs`)
  return fault(
    'gluetun_control',
    `the control server of ${name} says that its VPN is ${status ?? 'unknown'}`,
    `see docker logs ${name}`,
  )
}

function portRow(
  { name, isGluetun, control, fixedPorts: fixed }: NodeFacts,
  { asksForPort, inputPorts }: Container,
): Row {
  if (fixed.length > 0) return ok('gluetun_port', `${forwardedTo(name, fixed)} (GLUETUN_FIXED_PORTS)`)
  if (!isGluetun)
    return ok(
      'gluetun_port',
      `nobody tells a port that is forwarded to ${name}; if there is one, GLUETUN_FIXED_PORTS names it`,
    )
  const ports = control?.forwardedPorts ?? null
  if (ports === null)
    return skipped('gluetun_port', `the control server of ${name} did not tell a forwarded port`)
  if (ports.length > 0) return ok('gluetun_port', forwardedTo(name, ports))
  const none = `no port is forwarded to ${name}, so no peer connects to engines by itself`
  if (asksForPort)
    return warning(
      'gluetun_port',
      `${none}, although its VPN_PORT_FORWARDING is on`,
      `see docker logs ${name} for why the provider gives none, and try another server of it`,
    )
  if (inputPorts.length === 0) return ok('gluetun_port', none)
  const setting = `GLUETUN_FIXED_PORTS=${name}:${inputPorts.join()}`
  return ok('gluetun_port', `${none}; if its FIREWALL_VPN_INPUT_PORTS are forwarded for good, set ${setting}`)
}

const forwardedTo = (name: string, ports: readonly number[]): string =>
  ports.length === 1
    ? `the port ${ports.join()} is forwarded to ${name}`
    : `the ports ${ports.join(', ')} are forwarded to ${name}`

function publishedRow({ name, range }: NodeFacts, { reachablePorts }: Container, advertise: string): Row {
  const size = sizeOf(range)
  const there =
    size -
    missingParts(range, reachablePorts)
      .map(sizeOf)
      .reduce((sum, each) => sum + each, 0)
  const part = rangeText(range)
  if (there === size) return ok('gluetun_published', `${name} publishes all of GLUETUN_PORT_RANGE ${part}`)
  const message =
    `${name} publishes ${there === 0 ? 'none' : `only ${there}`} of the ${counted(size, 'port')} of GLUETUN_PORT_RANGE ${part}` +
    (advertise === 'host'
      ? ', where proxies are told that engines are (ENGINE_ADVERTISE=host)'
      : ': only containers in its networks reach engines, and acexy asks a new engine at localhost')
  const remedy = `publish them on ${name}: -p ${part}:${part} (ports in its compose file), and create it anew`
  return (advertise === 'host' ? fault : warning)('gluetun_published', message, remedy)
}

const sizeOf = ({ first, last }: PortRange): number => last - first + 1
