import { createHash } from 'node:crypto'
import type { Engine, EngineRequest } from '../../core/types.ts'
import type { ContainerSpec, PublishedPort } from '../../runtime/runtime.ts'

/** How engines are made. The template is the same for all engines, and a change makes the running ones outdated. */
export interface EngineTemplate {
  readonly image: string
  /**
   * Additional environment, with the placeholders `{http_port} {https_port} {api_port} {p2p_port}`. Overrides the built-in
   * environment.
   */
  readonly env: Readonly<Record<string, string>>
  /** The command, with the same placeholders; null for the image's own command. */
  readonly command: readonly string[] | null
  readonly memoryBytes: number | null
  readonly cpus: number | null
  /** The most processes and threads in one container. */
  readonly pidsLimit: number
  /** The capabilities that are taken from engines, and those that are given to them. Each is listed once, in order. */
  readonly capDrop: readonly string[]
  readonly capAdd: readonly string[]
  /** The size of the disk cache that the engine is told to keep to, in GB. */
  readonly cacheLimitGb: number
  readonly network: string | null
  readonly publishAddress: string
  /** Whether the HTTPS port is published as well. */
  readonly mapHttps: boolean
  /** The label that all our containers carry. */
  readonly label: { readonly key: string; readonly value: string }
  /** The id of this installation, which never changes. Our containers carry it as well. */
  readonly installation: string
}

export const INSTALLATION_LABEL = 'roundhouse.installation'
export const ENGINE_LABEL = 'roundhouse.engine'
export const CONFIG_LABEL = 'roundhouse.config'
export const GENERIC_LABEL = 'roundhouse.generic'

/** Labels of engines behind a VPN. The earlier orchestrator used the first two. */
export const VPN_LABELS = {
  node: 'acestream.vpn_container',
  forwarded: 'acestream.forwarded',
  api: 'acestream.api_port',
  p2p: 'acestream.p2p_port',
} as const

/** Variables that we set from the leased ports. A request that names one would contradict them. */
export const RESERVED_ENV = ['HTTP_PORT', 'HTTPS_PORT', 'API_PORT', 'P2P_PORT', 'CONF'] as const

type Ports = Pick<Engine, 'httpPort' | 'httpsPort' | 'apiPort' | 'p2pPort' | 'hostHttpPort' | 'hostHttpsPort'>

/** The labels of an engine's container. The row can be rebuilt from them alone. */
export function engineLabels(
  template: EngineTemplate,
  engine: Ports & Pick<Engine, 'id' | 'configHash' | 'request' | 'vpnNode' | 'forwarded'>,
): Record<string, string> {
  return {
    ...engine.request.labels,
    [template.label.key]: template.label.value,
    [INSTALLATION_LABEL]: template.installation,
    [ENGINE_LABEL]: engine.id,
    [CONFIG_LABEL]: engine.configHash,
    'acestream.http_port': String(engine.httpPort),
    'acestream.https_port': String(engine.httpsPort),
    'host.http_port': String(engine.hostHttpPort),
    ...(engine.hostHttpsPort === null ? {} : { 'host.https_port': String(engine.hostHttpsPort) }),
    ...vpnLabels(engine),
  }
}

function vpnLabels({ vpnNode, forwarded, apiPort, p2pPort }: Ports & Pick<Engine, 'vpnNode' | 'forwarded'>) {
  if (vpnNode === null) return {}
  return {
    [VPN_LABELS.node]: vpnNode,
    ...(forwarded ? { [VPN_LABELS.forwarded]: 'true' } : {}),
    ...(apiPort === null ? {} : { [VPN_LABELS.api]: String(apiPort) }),
    ...(p2pPort === null ? {} : { [VPN_LABELS.p2p]: String(p2pPort) }),
  }
}

/** What Docker is asked to create for an engine. */
export function containerSpec(template: EngineTemplate, engine: Engine): ContainerSpec {
  const fill = (text: string): string => filled(text, engine)
  return {
    name: engine.name,
    image: engine.image,
    env: { ...builtInEnv(template, engine), ...mapValues(template.env, fill), ...engine.request.env },
    ...(template.command === null ? {} : { command: template.command.map(fill) }),
    labels: engine.labels,
    ports: publishedPorts(engine),
    publishAddress: template.publishAddress,
    network: engine.vpnNode === null ? template.network : `container:${engine.vpnNode}`,
    memoryBytes: template.memoryBytes,
    cpus: template.cpus,
    pidsLimit: template.pidsLimit,
    capDrop: template.capDrop,
    capAdd: template.capAdd,
  }
}

/**
 * The hash of everything that makes engines alike. Ports, names, the installation and additions of a request are not part of
 * it.
 */
export const templateHash = (template: EngineTemplate, image: string): string =>
  hashOf({ ...template, image, label: null, installation: undefined })

/** The hash of what a caller asked for. Equal requests may share an unclaimed engine. */
export const requestHash = (request: EngineRequest): string => hashOf(request)

/** The request of an empty body, which acexy sends. */
export const plainRequest: EngineRequest = { image: null, labels: {}, env: {}, hostPort: null }

/**
 * The built-in environment. Images differ in what they read, so the ports are given both as variables and as flags (`CONF`).
 */
function builtInEnv(template: EngineTemplate, engine: Engine): Record<string, string> {
  const flags = [
    `--http-port=${engine.httpPort}`,
    `--https-port=${engine.httpsPort}`,
    ...(engine.apiPort === null ? [] : [`--api-port=${engine.apiPort}`]),
    ...(engine.p2pPort === null ? [] : [`--port=${engine.p2pPort}`]),
    '--bind-all',
  ]
  return {
    HTTP_PORT: String(engine.httpPort),
    HTTPS_PORT: String(engine.httpsPort),
    ...(engine.apiPort === null ? {} : { API_PORT: String(engine.apiPort) }),
    ...(engine.p2pPort === null ? {} : { P2P_PORT: String(engine.p2pPort) }),
    BIND_ALL: 'true',
    INTERNAL_BUFFERING: '60',
    CACHE_LIMIT: String(template.cacheLimitGb),
    CONF: flags.join('\n'),
  }
}

function publishedPorts(engine: Engine): PublishedPort[] {
  // Behind a VPN the network is the node's, and Docker refuses to publish ports there.
  if (engine.vpnNode !== null) return []
  const http = { containerPort: engine.httpPort, hostPort: engine.hostHttpPort, protocol: 'tcp' as const }
  if (engine.hostHttpsPort === null) return [http]
  return [http, { containerPort: engine.httpsPort, hostPort: engine.hostHttpsPort, protocol: 'tcp' }]
}

const filled = (text: string, engine: Engine): string =>
  text
    .replaceAll('{http_port}', String(engine.httpPort))
    .replaceAll('{https_port}', String(engine.httpsPort))
    .replaceAll('{api_port}', String(engine.apiPort ?? ''))
    .replaceAll('{p2p_port}', String(engine.p2pPort ?? ''))

const mapValues = (record: Readonly<Record<string, string>>, change: (value: string) => string) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))

const hashOf = (value: unknown): string =>
  createHash('sha256').update(canonical(value)).digest('hex').slice(0, 32)

/** JSON with the members of every object in the same order, so that equal values give equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
