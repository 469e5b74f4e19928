import { isIPv4, isIPv6 } from 'node:net'
import type Dockerode from 'dockerode'
import { isEverywhere, isLoopbackAddress } from '../core/host-port.ts'
import type { ContainerState } from '../core/types.ts'
import { FORWARDING_VARIABLES } from '../core/vpn/gluetun-settings.ts'
import type { CountedTraffic, InspectedContainer, InspectedImage, ListedContainer } from './docker-answers.ts'
import { NotDockers } from './docker-failures.ts'
import { healthOf } from './docker-health.ts'
import type { ContainerObservation, ContainerSpec, ImageFacts, PublishedPort, Traffic } from './runtime.ts'

/** The limits of a container's log (driver json-file). */
export interface LogLimits {
  /** The size of one file in Docker's notation, such as `10m`. */
  readonly maxSize: string
  readonly maxFiles: number
}

type PortBindings = NonNullable<InspectedContainer['NetworkSettings']['Ports']>
type Networks = NonNullable<InspectedContainer['NetworkSettings']['Networks']>

const STATES: readonly ContainerState[] = [
  'created',
  'running',
  'restarting',
  'paused',
  'exited',
  'removing',
  'dead',
]

/** A published port with the address of the host that it is bound to. */
type BoundPort = PublishedPort & { readonly hostAddress: string }
type Ports = Pick<ContainerObservation, 'ports' | 'openPorts' | 'loopbackPorts'>

const JOINED = 'container:'

/** Makes the body of Docker's create call from a specification. */
export function toCreateBody(spec: ContainerSpec, logs: LogLimits): Dockerode.ContainerCreateOptions {
  const bindings = toPortBindings(spec)
  return {
    Image: spec.image,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: { ...spec.labels },
    ...(spec.command && { Cmd: [...spec.command] }),
    ExposedPorts: Object.fromEntries(Object.keys(bindings).map((port) => [port, {}])),
    ...(spec.healthCheck === 'none' && { Healthcheck: { Test: ['NONE'] } }),
    HostConfig: {
      PortBindings: bindings,
      RestartPolicy: { Name: 'unless-stopped' },
      // The container runs foreign code, which must not gain privileges from a setuid program.
      SecurityOpt: ['no-new-privileges', ...(spec.securityOpt ?? [])],
      CapDrop: [...(spec.capDrop ?? [])],
      CapAdd: [...(spec.capAdd ?? [])],
      LogConfig: {
        Type: 'json-file',
        Config: { 'max-size': logs.maxSize, 'max-file': String(logs.maxFiles) },
      },
      ...(spec.network !== null && { NetworkMode: spec.network }),
      ...(spec.memoryBytes !== null && { Memory: spec.memoryBytes }),
      ...(spec.cpus !== null && { NanoCpus: Math.round(spec.cpus * 1e9) }),
      ...(spec.pidsLimit !== undefined && { PidsLimit: spec.pidsLimit }),
      ...(spec.init !== undefined && { Init: spec.init }),
      ...(spec.volumes !== undefined && { Binds: [...spec.volumes] }),
      ...(spec.tmpfs !== undefined && { Tmpfs: { ...spec.tmpfs } }),
      ...(spec.shmBytes !== undefined && { ShmSize: spec.shmBytes }),
      ...(spec.dns !== undefined && { Dns: [...spec.dns] }),
    },
  }
}

/** Converts Docker's answer to an inspection. Throws NotDockers if the time of creation is invalid. */
export function fromInspect(info: InspectedContainer): ContainerObservation {
  const state = toState(info.State.Status)
  const networks = info.NetworkSettings.Networks ?? {}
  const createdAtMs = Date.parse(info.Created)
  if (Number.isNaN(createdAtMs)) throw new NotDockers('no time of creation')
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ''),
    image: info.Config.Image,
    imageId: info.Image || null,
    state,
    labels: info.Config.Labels ?? {},
    variables: variablesOf(info.Config.Env ?? []),
    ...inspectedPorts(info),
    ...placeOf(networks, info.HostConfig.NetworkMode),
    ...healthOf(info.State),
    host: null,
    createdAtMs,
    startedAtMs: toTime(info.State.StartedAt),
    // Docker 20.10 gives exit code 128 to a created container whose start was refused. That is not an exit.
    exitCode: state === 'exited' || state === 'dead' ? (info.State.ExitCode ?? null) : null,
    restarts: info.RestartCount ?? null,
  }
}

/** The variables that are read, of texts like `NAME=value`. The others stay here, because they may be secrets. */
export function variablesOf(texts: readonly string[]): Record<string, string> {
  const all = texts.map((text) => [text.replace(/=.*$/s, ''), text.replace(/^[^=]*=?/s, '')] as const)
  return Object.fromEntries(all.filter(([name]) => FORWARDING_VARIABLES.includes(name)))
}

/** The container whose network is used in this mode, as Docker names it; null for a network of its own. */
export function joinedBy(networkMode: string | undefined): string | null {
  return networkMode?.startsWith(JOINED) ? networkMode.slice(JOINED.length) : null
}

/**
 * Adds up Docker's counters of all networks of a container. Docker leaves them out if the container has no network or does
 * not run.
 */
export function fromStats({ networks }: CountedTraffic): Traffic | null {
  if (!networks) return null
  const counters = Object.values(networks)
  return {
    receivedBytes: counters.reduce((sum, { rx_bytes }) => sum + rx_bytes, 0),
    sentBytes: counters.reduce((sum, { tx_bytes }) => sum + tx_bytes, 0),
  }
}

/** Converts Docker's answer to an inspection of an image. */
export function fromImage({ Id, Os, Architecture, Variant, Size }: InspectedImage): ImageFacts {
  return { id: Id, os: Os, architecture: Architecture, variant: Variant || null, sizeBytes: Size }
}

/**
 * Converts one row of Docker's list. It has ports only while the container runs, and no start time, exit code, restarts or
 * health.
 */
export function fromListed(info: ListedContainer): ContainerObservation {
  const networks = info.NetworkSettings?.Networks ?? {}
  return {
    id: info.Id,
    name: ownName(info.Names ?? []),
    image: info.Image,
    imageId: info.ImageID || null,
    state: toState(info.State),
    labels: info.Labels ?? {},
    variables: {},
    ...portsOf(
      (info.Ports ?? []).flatMap((port) =>
        toPort(port.PrivatePort, port.Type, {
          HostPort: String(port.PublicPort ?? ''),
          HostIp: port.IP ?? '',
        }),
      ),
    ),
    ...placeOf(networks, info.HostConfig?.NetworkMode),
    health: null,
    healthText: null,
    host: null,
    createdAtMs: info.Created * 1000,
    startedAtMs: null,
    exitCode: null,
    restarts: null,
  }
}

/**
 * Whether a container of Docker's list has the address on one of its networks, whatever other addresses it has there. Docker
 * leaves those empty that a container does not have.
 */
export function hasAddress({ NetworkSettings: settings }: ListedContainer, address: string): boolean {
  if (address === '') return false
  const networks = Object.values(settings?.Networks ?? {})
  return networks.some((each) => each?.IPAddress === address || each?.GlobalIPv6Address === address)
}

/**
 * The container's name without its leading slash. A legacy link adds a further name, `/<container>/<alias>`, which is not
 * its own.
 */
function ownName(names: readonly string[]): string {
  const own = names.find((name) => name.lastIndexOf('/') <= 0) ?? ''
  return own.replace(/^\//, '')
}

function toPortBindings(spec: ContainerSpec): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {}
  for (const port of spec.ports) {
    const key = `${port.containerPort}/${port.protocol}`
    bindings[key] ??= []
    const HostIp = port.hostAddress ?? spec.publishAddress
    bindings[key].push({ HostIp, HostPort: String(port.hostPort) })
  }
  return bindings
}

/**
 * While the container runs, the ports that are bound (a range or a free choice is settled then); otherwise the ports that
 * were asked for.
 */
function inspectedPorts(info: InspectedContainer): Ports {
  const bound = fromBindings(info.NetworkSettings.Ports ?? {})
  return portsOf(bound.length > 0 ? bound : fromBindings(info.HostConfig.PortBindings ?? {}))
}

function fromBindings(bindings: PortBindings): BoundPort[] {
  return Object.entries(bindings).flatMap(([key, hosts]) => {
    const [containerPort, protocol = 'tcp'] = key.split('/')
    return (hosts ?? []).flatMap((host) => toPort(Number(containerPort), protocol, host))
  })
}

/** Empty for a port that is not published, for SCTP, for a range that is not settled yet, and for an invalid port number. */
function toPort(
  containerPort: number,
  protocol: string,
  {
    HostPort: hostPort = '',
    HostIp: hostAddress = '',
  }: { readonly HostPort?: string; readonly HostIp?: string },
): BoundPort[] {
  if (!/^[1-9]\d*$/.test(hostPort) || (protocol !== 'tcp' && protocol !== 'udp')) return []
  if (!isPort(containerPort) || !isPort(Number(hostPort))) return []
  return [{ containerPort, hostPort: Number(hostPort), protocol, hostAddress }]
}

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port <= 65_535

function portsOf(bound: readonly BoundPort[]): Ports {
  const tcp = bound.filter(({ protocol }) => protocol === 'tcp')
  const beyond = new Set(
    tcp.filter(({ hostAddress }) => !isLoopbackAddress(hostAddress)).map(({ hostPort }) => hostPort),
  )
  return {
    ports: unique(bound.map(({ hostAddress: _, ...port }) => port)),
    openPorts: numbersOf(tcp.filter(({ hostAddress }) => isEverywhere(hostAddress))),
    loopbackPorts: numbersOf(tcp.filter(({ hostPort }) => !beyond.has(hostPort))),
  }
}

const numbersOf = (ports: readonly BoundPort[]): number[] =>
  [...new Set(ports.map(({ hostPort }) => hostPort))].sort((a, b) => a - b)

/** Removes duplicates and sorts. Docker names each binding twice, for IPv4 and for IPv6, and in no fixed order. */
function unique(ports: readonly PublishedPort[]): PublishedPort[] {
  const byKey = new Map(
    ports.map((port) => [`${port.protocol}:${port.containerPort}:${port.hostPort}`, port]),
  )
  return [...byKey.values()].sort((a, b) => a.containerPort - b.containerPort || a.hostPort - b.hostPort)
}

/**
 * Where a container is in the network. Docker leaves the addresses empty while the container does not run. A network that has
 * IPv4 is used by that, and only one without it by IPv6.
 */
function placeOf(
  networks: Networks,
  networkMode: string | undefined,
): Pick<ContainerObservation, 'address' | 'addresses' | 'networks' | 'gateways' | 'joins'> {
  const own = Object.values(networks)
  const byIPv4 = own.flatMap((network) => network?.IPAddress ?? []).filter(isIPv4)
  const without = own.filter((network) => !isIPv4(network?.IPAddress ?? ''))
  const byIPv6 = without.flatMap((network) => network?.GlobalIPv6Address ?? []).filter(isIPv6)
  const addresses = [...byIPv4, ...byIPv6]
  const gateways = Object.entries(networks).flatMap(([name, network]) => {
    const gateway = network?.Gateway || network?.IPv6Gateway
    return gateway ? [[name, gateway] as const] : []
  })
  const joins = joinedBy(networkMode)
  return {
    ...{ address: addresses[0] ?? null, addresses, networks: Object.keys(networks) },
    ...{ gateways: Object.fromEntries(gateways), joins },
  }
}

/** A state of a newer Docker that we do not know counts as dead: present, but not to be used. */
function toState(word: string): ContainerState {
  return STATES.find((state) => state === word) ?? 'dead'
}

/** Epoch milliseconds, or null for "never", which Docker writes as the year 1. */
function toTime(text: string): number | null {
  const ms = Date.parse(text)
  return ms > 0 ? ms : null
}
