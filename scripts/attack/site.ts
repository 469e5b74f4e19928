import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectTestDocker, type TestDocker, until } from '../../tests/support/docker.ts'
import { buildEngineImage } from '../../tests/support/engine-image.ts'
import { freePort, freePortRange, rangeSetting } from '../../tests/support/ports.ts'
import { buildImage, OrchestratorContainer } from './container.ts'
import type { Target } from './target.ts'
import { openWatchers, type Watcher } from './viewers.ts'

/** How many engines there are, and how many of them have a viewer. */
export const FLEET = 20
const VIEWERS = 6

const HEALTHY_WITHIN_MS = 120_000
const ASK_MS = 5_000

/** The site that is attacked. */
export interface Site {
  readonly container: OrchestratorContainer
  /** The target without the duration of an attack. */
  readonly target: Omit<Target, 'seconds'>
  /** The containers of all engines at the start of the attacks. */
  readonly engineIds: readonly string[]
  readonly watchers: readonly Watcher[]
  /** A folder for other files; it is removed with the site. */
  readonly folder: string
}

/** The members of an engine that are used here. */
export interface Engine {
  readonly container_id: string
  readonly health_status: string
}

/**
 * Starts the orchestrator, its engines and their viewers. `scope` ends and removes all of it, even if the start failed
 * halfway. Throws if the start fails.
 */
export async function openSite(scope: AsyncDisposableStack, descriptors?: number): Promise<Site> {
  const engines = await connectedDocker(scope)
  // This Docker has a label of its own, because the orchestrator looks after all containers with the label of the engines.
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
  ENGINE_RECIPE: 'variables',
  CONTAINER_LABEL: `${engines.label.key}=${engines.label.value}`,
  PORT_RANGE_HOST: rangeSetting(freePortRange(40)),
  MIN_REPLICAS: String(FLEET),
  // Some attacks bring an engine of their own.
  MAX_REPLICAS: String(FLEET + 2),
  // A short interval, so that an engine that seems unhealthy gets its verdict during the attack.
  HEALTH_CHECK_INTERVAL_S: '2',
})

/** Returns the engines that are listed now. */
export async function listedEngines(near: string): Promise<readonly Engine[]> {
  const answer = await fetch(`${near}/engines`, { keepalive: false, signal: AbortSignal.timeout(ASK_MS) })
  return (await answer.json()) as readonly Engine[]
}

/** Resolves with the container ids of the fleet when all its engines are listed as healthy. */
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

/** Finds the address of this machine in Docker's default network. */
async function gatewayOf({ client }: TestDocker): Promise<string> {
  const { IPAM } = await client.getNetwork('bridge').inspect()
  const gateway: string | undefined = IPAM?.Config?.[0]?.Gateway
  if (gateway === undefined) throw new Error('the network "bridge" of Docker has no gateway')
  return gateway
}
