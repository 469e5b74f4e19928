import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectTestDocker, type TestDocker, until } from '../../tests/support/docker.ts'
import { buildEngineImage } from '../../tests/support/engine-image.ts'
import { freePort, freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import { buildImage, OrchestratorContainer } from './container.ts'
import type { Target } from './target.ts'
import { openWatchers, type Watcher } from './viewers.ts'

/** How many engines there are, and how many of them play to a viewer. */
export const FLEET = 20
const VIEWERS = 6

const HEALTHY_WITHIN_MS = 120_000
const ASK_MS = 5_000

/** What is attacked. */
export interface Site {
  readonly container: OrchestratorContainer
  /** Without its seconds. */
  readonly target: Omit<Target, 'seconds'>
  /** The containers of all engines, as they were at first. */
  readonly engineIds: readonly string[]
  readonly watchers: readonly Watcher[]
  /** For whatever is needed beside; it goes with the site. */
  readonly folder: string
}

/** An engine, as far as it is looked at here. */
export interface Engine {
  readonly container_id: string
  readonly health_status: string
}

/**
 * Starts the orchestrator, its engines and their viewers; `scope` ends and removes all of it, what is only half there too.
 * Throws where something does not come about.
 */
export async function openSite(scope: AsyncDisposableStack, descriptors?: number): Promise<Site> {
  const engines = await connectedDocker(scope)
  // Under a label of its own: what has that of the engines is the orchestrator's to look at.
  const docker = await connectedDocker(scope)
  await buildImage(docker)
  const image = await buildEngineImage()
  const folder = await mkdtemp(join(tmpdir(), 'roundhouse-attack-'))
  scope.defer(() => rm(folder, { recursive: true, force: true }))
  const port = freePort()
  const key = crypto.randomUUID()
  const env = { ...settings(engines, image), APP_PORT: String(port), API_KEY: key }
  const container = new OrchestratorContainer({ docker, port, folder, env })
  scope.defer(() => container.end())
  await container.start(descriptors)
  const near = `http://127.0.0.1:${port}`
  const target = { near, far: `http://${await gatewayOf(docker)}:${port}`, key }
  const engineIds = await untilHealthy(near, HEALTHY_WITHIN_MS)
  const watchers = await openWatchers(near, key, VIEWERS)
  for (const watcher of watchers) scope.defer(() => watcher.leave())
  return { container, target, engineIds, watchers, folder }
}

const settings = (engines: TestDocker, image: string): Record<string, string> => ({
  BIND: '0.0.0.0',
  TARGET_IMAGE: image,
  CONTAINER_LABEL: `${engines.label.key}=${engines.label.value}`,
  PORT_RANGE_HOST: rangeSetting(freePortRange(40)),
  MIN_REPLICAS: String(FLEET),
  // An attack brings an engine of its own.
  MAX_REPLICAS: String(FLEET + 2),
  // So that an engine that seems ill has its verdict while an attack goes on.
  HEALTH_CHECK_INTERVAL_S: '2',
})

/** The engines that are listed now. */
export async function listedEngines(near: string): Promise<readonly Engine[]> {
  const answer = await fetch(`${near}/engines`, { keepalive: false, signal: AbortSignal.timeout(ASK_MS) })
  return (await answer.json()) as readonly Engine[]
}

/** Gives their container ids when the whole fleet is listed as healthy. */
export async function untilHealthy(near: string, withinMs: number): Promise<readonly string[]> {
  const healthy = await until(
    `${FLEET} engines are healthy`,
    async () => {
      const engines = await listedEngines(near).catch(() => [])
      const well = engines.filter(({ health_status }) => health_status === 'healthy')
      return well.length >= FLEET && well
    },
    withinMs,
  )
  return healthy.map(({ container_id }) => container_id)
}

async function connectedDocker(scope: AsyncDisposableStack): Promise<TestDocker> {
  const docker = await connectTestDocker()
  scope.defer(() => docker.cleanUp())
  return docker
}

/** The address of this machine in Docker's default network. */
async function gatewayOf({ client }: TestDocker): Promise<string> {
  const { IPAM } = await client.getNetwork('bridge').inspect()
  const gateway: string | undefined = IPAM?.Config?.[0]?.Gateway
  if (gateway === undefined) throw new Error('the network "bridge" of Docker has no gateway')
  return gateway
}
