import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { statSync } from 'node:fs'
import type Dockerode from 'dockerode'
import packageJson from '../../package.json' with { type: 'json' }
import { connectTestDocker, type TestDocker, until } from '../support/docker.ts'
import { buildEngineImage } from '../support/engine-image.ts'
import { freePort, freePortRange, rangeSetting } from '../support/ports.ts'
import { buildOwnImage, type OwnImage, runInProject, socketOf } from '../support/roundhouse-image.ts'

/* The image, built by the plain builder without a registry, and run as its Dockerfile says. */

/** Docker and the compiler are slow. */
setDefaultTimeout(60_000)

const KEY = 'f3c1a2b4d5e6f708'
const SOCKET = '/var/run/docker.sock'
const NS_PER_MS = 1_000_000

/** The user that the documents name for an image that runs as another than root. */
const USER = '65532:65532'

let docker: TestDocker
let image: OwnImage
beforeAll(async () => {
  docker = await connectTestDocker()
  image = await buildOwnImage(docker)
}, 120_000)
afterEach(() => docker.cleanUp())
afterAll(() => image?.remove())

interface Running {
  readonly inspect: () => Promise<Dockerode.ContainerInspectInfo>
  /** Waits for Docker's verdict on the container, and returns what its last check wrote. */
  readonly health: (verdict: 'healthy' | 'unhealthy') => Promise<string>
  readonly log: () => Promise<string>
  readonly memoryBytes: () => Promise<number>
}

/** Runs the image in the host's network, hardened as our compose files do, and checked every half second. */
async function run(
  env: Readonly<Record<string, string>>,
  host: Dockerode.HostConfig = {},
  options: Dockerode.ContainerCreateOptions = {},
): Promise<Running> {
  const container = await docker.client.createContainer({
    Image: image.tag,
    Labels: { [docker.label.key]: docker.label.value },
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    // Docker takes the fields that are missing, such as the command, from the image.
    Healthcheck: { Interval: 500 * NS_PER_MS, StartPeriod: NS_PER_MS },
    HostConfig: {
      ...{ NetworkMode: 'host', CapDrop: ['ALL'], ReadonlyRootfs: true },
      ...{ SecurityOpt: ['no-new-privileges'], ...host },
    },
    ...options,
  })
  await container.start()
  const healthOf = async () => (await container.inspect()).State.Health
  return {
    inspect: () => container.inspect(),
    health: async (verdict) => {
      await until(`the container is ${verdict}`, async () => (await healthOf())?.Status === verdict)
      return (await healthOf())?.Log.at(-1)?.Output ?? ''
    },
    log: async () => (await container.logs({ stdout: true, stderr: true })).toString(),
    memoryBytes: async () => {
      const { memory_stats: memory } = await container.stats({ stream: false, 'one-shot': true })
      const { total_inactive_file: one, inactive_file: two = 0 } = memory.stats ?? {}
      return (memory.usage ?? 0) - (one ?? two)
    },
  }
}

const withSocket = (): Dockerode.HostConfig => ({ Binds: [`${socketOf(docker)}:${SOCKET}`] })

const settings = async (port: number) => ({
  API_KEY: KEY,
  APP_PORT: String(port),
  TARGET_IMAGE: await buildEngineImage(),
  ENGINE_RECIPE: 'variables',
  CONTAINER_LABEL: `${docker.label.key}=${docker.label.value}`,
  PORT_RANGE_HOST: rangeSetting(freePortRange(60)),
})

test('says what it is, and is as small as the documents say', async () => {
  const { Config, Size, Architecture } = await docker.client.getImage(image.tag).inspect()
  const about = Object.entries(Config.Labels ?? {}).map(([name, value]) => [name.split('.').at(-1), value])
  expect(Object.fromEntries(about)).toMatchObject({
    title: 'Roundhouse',
    licenses: packageJson.license,
    version: packageJson.version,
    revision: expect.stringMatching(/^[0-9a-f]{40}(-dirty)?$/),
    created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  })
  expect(Architecture).toBe(process.arch === 'x64' ? 'amd64' : process.arch)
  expect(Size).toBeLessThan(140_000_000)
})

test('docker build makes it from the binary that is there, whatever target is asked for', async () => {
  const ids = [[], ['--target', 'prebuilt']].map((target) =>
    runInProject(['docker', 'build', '--quiet', ...target, '.']),
  )
  const [one, other] = await Promise.all(ids)
  expect(one).toMatch(/^sha256:/)
  expect(one).toBe(other)
})

test('without a key it ends, and says why and what to do', async () => {
  const ended = await run({}, withSocket())
  await until('it has ended', async () => !(await ended.inspect()).State.Running)
  expect((await ended.inspect()).State.ExitCode).toBe(2)
  const said = await ended.log()
  expect(said).toContain('BIND="0.0.0.0"')
  expect(said).toContain('Set API_KEY or API_KEY_FILE too, since others reach this address')
})

test.each(['0:0', USER])('as user %s it is healthy, provisions, and needs little memory', async (User) => {
  const port = freePort()
  const GroupAdd = [String(statSync(socketOf(docker)).gid)]
  const running = await run(await settings(port), { ...withSocket(), GroupAdd }, { User })
  expect(await running.health('healthy')).toBe('200 {"status":"ready","reason":null}\n')
  expect(await running.memoryBytes()).toBeLessThan(120_000_000)
  const provision = (headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${port}/provision/acestream`, { method: 'POST', headers })
  expect((await provision({})).status).toBe(401)
  expect((await provision({ authorization: `Bearer ${KEY}` })).status).toBe(200)
})

test('without a socket it is unhealthy, and its check says so', async () => {
  const running = await run(await settings(freePort()))
  expect(await running.health('unhealthy')).toContain(
    `503 {"status":"not_ready","reason":"Docker not reachable: There is no Docker socket at ${SOCKET}: `,
  )
})

test('as a user whom the socket does not let in it is unhealthy, and its check names the group', async () => {
  const running = await run(await settings(freePort()), withSocket(), { User: USER })
  const said = await running.health('unhealthy')
  expect(said).toContain(`No permission to open ${SOCKET}`)
  expect(said).toContain('--group-add')
})
