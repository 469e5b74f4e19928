import { createHash } from 'node:crypto'
import { type RecipeChoice, recipeOf } from '../../core/engines/recipe-choice.ts'
import type { Engine, EngineRequest } from '../../core/types.ts'

/** How engines are made. The template is the same for all engines, and a change makes the running ones outdated. */
export interface EngineTemplate {
  readonly image: string
  /** Where the command and the variables of an image come from, unless the next two replace them. */
  readonly recipe: RecipeChoice
  /** Additional environment, with placeholders (`PlaceholderValues`). Overrides the variables of the recipe one by one. */
  readonly env: Readonly<Record<string, string>>
  /** The command, with the same placeholders; null for that of the recipe. */
  readonly command: readonly string[] | null
  /** Labels beside ours; those of a request win over them. */
  readonly labels: Readonly<Record<string, string>>
  /** Volumes as `source:target` or `source:target:options`, with placeholders. */
  readonly volumes: readonly string[]
  /** Folders in memory, with their mount options, which may have placeholders. */
  readonly tmpfs: Readonly<Record<string, string>>
  /** The size of `/dev/shm`; null for Docker's default. */
  readonly shmBytes: number | null
  /** Name servers of engines with a network of their own. */
  readonly dns: readonly string[]
  readonly securityOpt: readonly string[]
  /** Whether engines have the health check of their image. */
  readonly healthCheck: 'image' | 'none'
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
  /** Whether the peer-to-peer port is published as well, TCP and UDP. */
  readonly publishP2p: boolean
  /** The label that all our containers carry. */
  readonly label: { readonly key: string; readonly value: string }
  /** The id of this installation, which never changes. Our containers carry it as well. */
  readonly installation: string
}

export const INSTALLATION_LABEL = 'roundhouse.installation'
export const ENGINE_LABEL = 'roundhouse.engine'
export const CONFIG_LABEL = 'roundhouse.config'
/** The name of the host that the engine was put on. The container engine knows where it is; this is for people. */
const HOST_LABEL = 'roundhouse.host'
export const GENERIC_LABEL = 'roundhouse.generic'

/** Labels of engines behind a VPN, and of the peer-to-peer port of all. The earlier orchestrator used the first two. */
export const VPN_LABELS = {
  node: 'acestream.vpn_container',
  forwarded: 'acestream.forwarded',
  api: 'acestream.api_port',
  p2p: 'acestream.p2p_port',
} as const

/** Variables that we set from the leased ports, whatever the recipe. */
const PORT_VARIABLES: readonly string[] = ['HTTP_PORT', 'HTTPS_PORT', 'API_PORT', 'P2P_PORT', 'CONF']

/** Whether a variable of the image follows from the leased ports. A request that names it would contradict them. */
export const isPortVariable = ({ recipe }: EngineTemplate, image: string, name: string): boolean =>
  PORT_VARIABLES.includes(name) || portVariablesOf(recipeOf(recipe, image)?.env).includes(name)

/** A look by the name itself would find what every object has, such as `toString`. */
const portVariablesOf = (env: Readonly<Record<string, string>> = {}): readonly string[] =>
  Object.keys(env).filter((name) => env[name]?.includes('_port'))

/** The command and the variables that an image gets, with their placeholders. */
export function sentTo({ recipe, command, env }: EngineTemplate, image: string) {
  const known = recipeOf(recipe, image)
  return { command: command ?? known?.command ?? null, env: { ...known?.env, ...env } }
}

type Ports = Pick<Engine, 'httpPort' | 'httpsPort' | 'apiPort' | 'p2pPort' | 'hostHttpPort' | 'hostHttpsPort'>

/** The labels of an engine's container. The row can be rebuilt from them alone. */
export function engineLabels(
  template: EngineTemplate,
  engine: Ports & Pick<Engine, 'id' | 'configHash' | 'request' | 'vpnNode' | 'host' | 'forwarded'>,
): Record<string, string> {
  return {
    ...template.labels,
    ...engine.request.labels,
    [template.label.key]: template.label.value,
    [INSTALLATION_LABEL]: template.installation,
    [ENGINE_LABEL]: engine.id,
    [CONFIG_LABEL]: engine.configHash,
    'acestream.http_port': String(engine.httpPort),
    'acestream.https_port': String(engine.httpsPort),
    'host.http_port': String(engine.hostHttpPort),
    ...(engine.hostHttpsPort === null ? {} : { 'host.https_port': String(engine.hostHttpsPort) }),
    ...(engine.p2pPort === null ? {} : { [VPN_LABELS.p2p]: String(engine.p2pPort) }),
    ...(engine.host === null ? {} : { [HOST_LABEL]: engine.host.name }),
    ...vpnLabels(engine),
  }
}

function vpnLabels({ vpnNode, forwarded, apiPort }: Ports & Pick<Engine, 'vpnNode' | 'forwarded'>) {
  if (vpnNode === null) return {}
  return {
    [VPN_LABELS.node]: vpnNode,
    ...(forwarded ? { [VPN_LABELS.forwarded]: 'true' } : {}),
    ...(apiPort === null ? {} : { [VPN_LABELS.api]: String(apiPort) }),
  }
}

/**
 * The hash of everything that makes engines alike. What the recipe says is part of it, and its name is not. Ports, names, the
 * installation and additions of a request are not part of it either.
 */
export const templateHash = (template: EngineTemplate, image: string): string =>
  hashOf({
    ...{ ...template, ...sentTo(template, image), image },
    ...{ recipe: undefined, label: null, installation: undefined },
  })

/** The hash of what a caller asked for. Equal requests may share an unclaimed engine. */
export const requestHash = (request: EngineRequest): string => hashOf(request)

/** The request of an empty body, which acexy sends. */
export const plainRequest: EngineRequest = { image: null, labels: {}, env: {}, hostPort: null }

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
