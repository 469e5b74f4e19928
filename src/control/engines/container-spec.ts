import {
  filledVariables,
  filledWhole,
  filledWords,
  type PlaceholderValues,
} from '../../core/engines/placeholders.ts'
import { recipeOf } from '../../core/engines/recipe-choice.ts'
import type { Engine } from '../../core/types.ts'
import type { ContainerSpec, WantedPort } from '../../runtime/runtime.ts'
import { type EngineTemplate, sentTo } from './template.ts'

/** What Docker is asked to create for an engine. `network` is the one that it joins without a VPN; null for Docker's own. */
export function containerSpec(
  template: EngineTemplate,
  engine: Engine,
  network: string | null,
): ContainerSpec {
  const values = placeholdersOf(template, engine)
  const { command, env } = sentTo(template, engine.image)
  return {
    name: engine.name,
    image: engine.image,
    env: { ...filledVariables(env, values), ...engine.request.env },
    ...(command === null ? {} : { command: filledWords(command, values) }),
    labels: engine.labels,
    ports: publishedPorts(template, engine),
    publishAddress: template.publishAddress,
    ...(engine.host === null ? {} : { host: engine.host.id }),
    network: engine.vpnNode === null ? network : `container:${engine.vpnNode}`,
    memoryBytes: template.memoryBytes,
    cpus: template.cpus,
    pidsLimit: template.pidsLimit,
    capDrop: template.capDrop,
    capAdd: template.capAdd,
    init: true,
    healthCheck: template.healthCheck,
    ...mountsOf(template, values),
    ...(template.shmBytes === null ? {} : { shmBytes: template.shmBytes }),
    // Docker refuses name servers for a container that joins another's network.
    ...(template.dns.length === 0 || engine.vpnNode !== null ? {} : { dns: template.dns }),
    ...(template.securityOpt.length === 0 ? {} : { securityOpt: template.securityOpt }),
  }
}

const BYTES_PER_GB = 1024 ** 3

const placeholdersOf = (template: EngineTemplate, engine: Engine): PlaceholderValues => ({
  http_port: engine.httpPort,
  'http_port+1': engine.httpPort + 1,
  https_port: engine.httpsPort,
  api_port: engine.apiPort,
  p2p_port: engine.p2pPort,
  cache_gb: template.cacheLimitGb,
  cache_bytes: template.cacheLimitGb * BYTES_PER_GB,
})

function mountsOf({ volumes, tmpfs }: EngineTemplate, values: PlaceholderValues) {
  const filled = volumes.flatMap((volume) => filledWhole(volume, values) ?? [])
  const folders = Object.entries(tmpfs).map(([path, options]) => [path, filledWhole(options, values) ?? ''])
  return {
    ...(filled.length === 0 ? {} : { volumes: filled }),
    ...(folders.length === 0 ? {} : { tmpfs: Object.fromEntries(folders) }),
  }
}

function publishedPorts(template: EngineTemplate, engine: Engine): WantedPort[] {
  const { vpnNode, httpPort, hostHttpPort, httpsPort, hostHttpsPort, p2pPort } = engine
  // Behind a VPN the network is the node's, and Docker refuses to publish ports there.
  if (vpnNode !== null) return []
  const peers = template.publishP2p && canSetP2p(template, engine.image) ? p2pPort : null
  return [
    { containerPort: httpPort, hostPort: hostHttpPort, protocol: 'tcp' },
    ...published(httpsPort, hostHttpsPort, 'tcp'),
    // Peers are on other machines.
    ...published(peers, peers, 'tcp').map(onAllAddresses),
    ...published(peers, peers, 'udp').map(onAllAddresses),
  ]
}

const onAllAddresses = (port: WantedPort): WantedPort => ({ ...port, hostAddress: '' })

const published = (
  containerPort: number | null,
  hostPort: number | null,
  protocol: WantedPort['protocol'],
): WantedPort[] =>
  containerPort === null || hostPort === null ? [] : [{ containerPort, hostPort, protocol }]

/** Whether the engine gets the peer-to-peer port that it leased. With a command of their own users see to that. */
const canSetP2p = ({ recipe, command }: EngineTemplate, image: string): boolean =>
  command !== null || (recipeOf(recipe, image)?.ports.includes('p2p') ?? true)
