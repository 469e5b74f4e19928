import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type Dockerode from 'dockerode'
import type { Row } from '../../src/cli/doctor/row.ts'
import { buildAcexyImage, buildSocketProxyImage } from '../support/compose-images.ts'
import { connectTestDocker, type TestDocker, until } from '../support/docker.ts'
import { buildEngineImage } from '../support/engine-image.ts'
import type { EngineRow } from '../support/fleet.ts'
import { freePortRange, rangeSetting } from '../support/ports.ts'
import { buildOwnImage, type OwnImage, socketOf } from '../support/roundhouse-image.ts'

/*
 * Roundhouse in a container on a network of its own, engines elsewhere: what it says, and that its remedies work. The network
 * is internal where nothing may be reached, because the Docker Engine of the tests separates no networks by itself.
 */

/** Docker and the compiler are slow. */
setDefaultTimeout(60_000)

const SOCKET = '/var/run/docker.sock'

let docker: TestDocker
let image: OwnImage
let engineImage: string
beforeAll(async () => {
  docker = await connectTestDocker()
  ;[image, engineImage] = await Promise.all([buildOwnImage(docker), buildEngineImage()])
}, 240_000)
/** Volumes of the test, which no label removes. */
const volumes: string[] = []
afterEach(async () => {
  await docker.cleanUp()
  for (const name of volumes.splice(0)) await docker.client.getVolume(name).remove()
})
afterAll(() => image?.remove())

const named = (name: string): string => `${name}-${docker.label.value}`

async function makeNetwork(name: string, options: { readonly Internal?: boolean } = {}): Promise<string> {
  const { key, value } = docker.label
  await docker.client.createNetwork({ Name: named(name), Labels: { [key]: value }, ...options })
  return named(name)
}

async function run(
  name: string,
  tag: string,
  networks: readonly string[],
  env: Readonly<Record<string, string>>,
  binds: readonly string[] = [`${socketOf(docker)}:${SOCKET}`],
): Promise<Dockerode.Container> {
  const [first = 'bridge', ...others] = networks
  const container = await docker.client.createContainer({
    name: named(name),
    Image: tag,
    Labels: { [docker.label.key]: docker.label.value, part: name },
    Env: Object.entries(env).map(([variable, value]) => `${variable}=${value}`),
    HostConfig: { NetworkMode: first, Binds: [...binds] },
  })
  for (const other of others) await docker.client.getNetwork(other).connect({ Container: container.id })
  await container.start()
  return container
}

interface ListedEngine extends EngineRow {
  readonly host: string
  readonly health_status: string
}

interface Journal {
  readonly events: readonly { readonly detail: object }[]
}

interface Status {
  readonly proxies: {
    readonly heard: readonly { readonly container: string | null; readonly networks: readonly string[] }[]
  }
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
  readonly status: string
  readonly engines: { readonly running: number }
  readonly provisioning: { readonly can_provision: boolean }
}

/** Roundhouse in these networks. Every request goes to the first of its addresses. */
async function roundhouse(
  networks: readonly string[],
  env: Readonly<Record<string, string>> = {},
  binds?: readonly string[],
) {
  const settings = {
    ...{ API_KEY: 'f3c1a2b4d5e6f708', TARGET_IMAGE: engineImage, ENGINE_RECIPE: 'variables' },
    // Engines carry a label of their own, because the container of Roundhouse is no engine.
    ...{ CONTAINER_LABEL: `${docker.label.key}.engines=${docker.label.value}` },
    ENGINE_LABELS: `${docker.label.key}=${docker.label.value}`,
    ...{ PORT_RANGE_HOST: rangeSetting(freePortRange(20)), MIN_REPLICAS: '1', MAX_REPLICAS: '1' },
    ...{ DB_URL: 'sqlite:////tmp/orchestrator.db' },
  }
  const container = await run('house', image.tag, networks, { ...settings, ...env }, binds)
  const { NetworkSettings } = await container.inspect()
  const address = NetworkSettings.Networks[networks[0] ?? 'bridge']?.IPAddress
  const get = async <T>(path: string): Promise<T> =>
    (await fetch(`http://${address}:8000${path}`)).json() as Promise<T>
  await until('it is ready', async () => {
    const answer = await fetch(`http://${address}:8000/readyz`).catch(() => null)
    return answer?.status === 200
  })
  const status = () => get<Status>('/orchestrator/status')
  return {
    container,
    status,
    engines: () => get<readonly ListedEngine[]>('/engines'),
    all: () => get<readonly ListedEngine[]>('/engines?status=all'),
    failures: async () => (await get<Journal>('/events?kind=engine.failed')).events,
    unreachable: async () => (await status()).warnings.find(({ code }) => code === 'engines_unreachable'),
    log: async () => (await container.logs({ stdout: true, stderr: true })).toString(),
  }
}

/** What the doctor says, called in the container. */
async function doctorIn(container: Dockerode.Container): Promise<readonly Row[]> {
  const exec = await container.exec({
    ...{ Cmd: ['/roundhouse', 'doctor', '--json'], AttachStdout: true, AttachStderr: true, Tty: true },
  })
  let text = ''
  for await (const chunk of await exec.start({ Tty: true })) text += String(chunk)
  return (JSON.parse(text) as { readonly rows: readonly Row[] }).rows
}

const remedyOf = (network: string): string =>
  `set DOCKER_NETWORK=${network}, or DOCKER_NETWORK=auto, so that engines join it`

describe('engines on the default bridge, and Roundhouse elsewhere', () => {
  test('are said to be out of reach, and are within it once the networks are joined', async () => {
    const network = await makeNetwork('own', { Internal: true })
    const house = await roundhouse([network], { STARTUP_TIMEOUT_S: '3' })
    const remedy = remedyOf(network)
    const said = await until('the status says it', house.unreachable)
    expect(said).toMatchObject({
      message: expect.stringContaining(
        `runs in the container ${named('house')} (${network}), which shares no network`,
      ),
      remedy,
    })
    expect(await house.log()).toContain('shares no network with engines')
    expect(await house.status()).toMatchObject({ status: 'degraded', provisioning: { can_provision: true } })
    const [failed] = await until('an engine has failed', async () => {
      const entries = await house.failures()
      return entries.length > 0 && entries
    })
    expect(failed?.detail).toMatchObject({ reason: expect.stringContaining(remedy) })
    // That it is not reached is not its fault.
    expect(failed?.detail).not.toHaveProperty('breaker')
    const reach = (await doctorIn(house.container)).filter(({ check }) => check === 'reach')
    expect(reach).toMatchObject([{ status: 'fault', remedy }])

    await docker.client.getNetwork('bridge').connect({ Container: house.container.id })
    await until('the warning ends', async () => (await house.unreachable()) === undefined)
    await until('an engine answers', async () =>
      (await house.engines()).some(({ health_status }) => health_status === 'healthy'),
    )
  })

  test('are said to be out of reach behind a socket proxy, too', async () => {
    const network = await makeNetwork('own', { Internal: true })
    const allowed = { POST: '1', CONTAINERS: '1', IMAGES: '1', EXEC: '1', EVENTS: '1', PING: '1' }
    await run('proxy', await buildSocketProxyImage(), [network], allowed)
    const env = { DOCKER_HOST: `tcp://${named('proxy')}:2375`, MIN_REPLICAS: '0' }
    const house = await roundhouse([network], env, [])
    expect(await until('the status says it', house.unreachable)).toMatchObject({
      remedy: remedyOf(network),
    })
  })
})

describe('engines that were made elsewhere', () => {
  test('are named after the setting was changed, and make way for engines in our network', async () => {
    const network = await makeNetwork('own', { Internal: true })
    const data = named('data')
    volumes.push(data)
    const binds = [`${socketOf(docker)}:${SOCKET}`, `${data}:/data`]
    const range = rangeSetting(freePortRange(20))
    const env = { PORT_RANGE_HOST: range, DB_URL: 'sqlite:////data/orchestrator.db' }
    const before = await roundhouse([network], env, binds)
    const [old] = await until('an engine runs', async () => {
      const { engines } = await before.status()
      return engines.running === 1 && before.all()
    })
    const name = old?.container_name ?? ''
    await before.container.remove({ force: true })

    const after = await roundhouse([network], { ...env, DOCKER_NETWORK: network }, binds)
    expect(await until('the status names it', after.unreachable)).toMatchObject({
      message: expect.stringContaining(`${name} is in bridge, where Roundhouse (${network}) is not`),
      remedy: expect.stringContaining(`DELETE /containers/${name}`),
    })
    const [engine] = await until('another answers', async () => {
      const engines = await after.engines()
      return engines.some(({ health_status }) => health_status === 'healthy') && engines
    })
    expect(engine?.container_name).not.toBe(name)
    await until('the warning ends', async () => (await after.unreachable()) === undefined)
    const [failed] = await after.failures()
    expect(failed?.detail).not.toHaveProperty('breaker')
  })
})

describe('DOCKER_NETWORK=auto', () => {
  test('joins engines to the network of ours that leads outside, and they work', async () => {
    const own = await makeNetwork('media')
    // By its name it comes first.
    const internal = await makeNetwork('a-internal', { Internal: true })
    const house = await roundhouse([internal, own], { DOCKER_NETWORK: 'auto' })
    const [engine] = await until('an engine answers', async () => {
      const engines = await house.engines()
      return engines.some(({ health_status }) => health_status === 'healthy') && engines
    })
    const { NetworkSettings, HostConfig } = await docker.client
      .getContainer(engine?.container_id ?? '')
      .inspect()
    expect(Object.keys(NetworkSettings.Networks)).toEqual([own])
    expect(Object.values(HostConfig.PortBindings).flat()).toMatchObject([{ HostIp: '127.0.0.1' }])
    expect(engine?.host).toBe(engine?.container_name ?? '')
    expect((await house.status()).warnings).toEqual([])
    const rows = (await doctorIn(house.container)).filter(({ check }) => ['network', 'reach'].includes(check))
    expect(rows).toMatchObject([
      { status: 'ok', message: expect.stringContaining(`${own} is there`) },
      { status: 'ok', message: expect.stringContaining(`in the network ${own} of the engines`) },
    ])
  })
})

test('acexy in a network without engines is told of within seconds, until it is joined to theirs', async () => {
  const [media, tv] = [await makeNetwork('media'), await makeNetwork('tv')]
  const house = await roundhouse([media, tv], { DOCKER_NETWORK: media })
  const url = `http://${named('house')}:8000`
  const acexy = await run('acexy', await buildAcexyImage(), [tv], { ACEXY_ORCH_URL: url }, [])
  const { NetworkSettings } = await acexy.inspect()
  const viewers = `http://${NetworkSettings.Networks[tv]?.IPAddress}:8080`
  // The model asks for the status with its first viewer only, and acexy every 30 s.
  await until('it listens', () => fetch(`${viewers}/`).catch(() => null))
  const viewer = fetch(`${viewers}/ace/getstream?id=${'a'.repeat(40)}`).catch(() => null)
  const unreached = async () =>
    (await house.status()).warnings.find(({ code }) => code === 'engines_unreached')
  const warning = await until('the status says it', unreached)
  expect(warning.message).toStartWith(`a proxy runs in the container ${named('acexy')} (${tv}) and is told `)
  expect(warning.remedy).toStartWith(`run: docker network connect ${media} ${named('acexy')}`)
  expect((await house.status()).proxies.heard).toMatchObject([{ container: named('acexy'), networks: [tv] }])
  const proxies = (await doctorIn(house.container)).filter(({ check }) => check === 'proxies')
  expect(proxies).toContainEqual({ check: 'proxies', status: 'warning', ...told(warning) })
  await viewer

  await docker.client.getNetwork(media).connect({ Container: acexy.id })
  await until('the warning ends', async () => (await unreached()) === undefined)
  const seen = await fetch(`${viewers}/ace/getstream?id=${'a'.repeat(40)}`)
  expect(seen.status).toBe(200)
  await seen.body?.cancel()
})

const told = ({ message, remedy }: Status['warnings'][number]) => ({ message, remedy })
