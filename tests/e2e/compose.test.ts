import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { settingNames } from '../../src/config/config.ts'
import { COMPOSE_FOLDER, ComposeProject } from '../support/compose.ts'
import { buildAcexyImage, buildSocketProxyImage } from '../support/compose-images.ts'
import { connectTestDocker, type TestDocker, until } from '../support/docker.ts'
import { CONTROL_PORT } from '../support/emulator-behind.ts'
import { buildEngineImage } from '../support/engine-image.ts'
import type { EngineRow } from '../support/fleet.ts'
import { buildGluetunImage } from '../support/gluetun-image.ts'
import { freePort, freePortRange, rangeSetting } from '../support/ports.ts'
import { buildOwnImage, type OwnImage, socketOf } from '../support/roundhouse-image.ts'

/* Every compose file: read by Docker's compose plugin, and run with stand-ins in the place of the images of others. */

/** Docker is slow. */
setDefaultTimeout(60_000)

const CONTENT = 'dd1e67078381739d14beca697356ab76d49d1a2d'
const ENOUGH_BYTES = 200_000

/** What has no default: keys, and whose VPN it is. */
const REQUIRED = {
  API_KEY: 'f3c1a2b4d5e6f708f3c1a2b4d5e6f708',
  GLUETUN_API_KEY: '0f1e2d3c4b5a6978',
  VPN_SERVICE_PROVIDER: 'custom',
}

/** What the programs of others read, as far as the files set it. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  roundhouse: settingNames(),
  acexy: ['ACEXY_ADDR', 'ACEXY_ORCH_URL', 'ACEXY_ORCH_APIKEY', 'ACEXY_MAX_STREAMS_PER_ENGINE'],
  gluetun: [
    ...['VPN_SERVICE_PROVIDER', 'VPN_TYPE', 'VPN_PORT_FORWARDING', 'SERVER_COUNTRIES'],
    ...['WIREGUARD_PRIVATE_KEY', 'WIREGUARD_ADDRESSES', 'OPENVPN_USER', 'OPENVPN_PASSWORD'],
    ...['HEALTH_TARGET_ADDRESSES', 'HEALTH_ICMP_TARGET_IPS', 'HEALTH_SMALL_CHECK_TYPE'],
    'FIREWALL_VPN_INPUT_PORTS',
  ],
  'socket-proxy': ['POST', 'CONTAINERS', 'IMAGES', 'EXEC', 'EVENTS', 'PING'],
}

const files = [...new Bun.Glob('compose*.yml').scanSync(COMPOSE_FOLDER)].toSorted()
const example = await Bun.file(join(COMPOSE_FOLDER, '.env.example')).text()

/** The variables of `.env.example` with their values. */
const examples = new Map(
  [...example.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
)

/** The variables that a file asks for, each with its default; null for one that has to be set. */
async function variablesOf(
  file: string,
): Promise<readonly (readonly [name: string, fallback: string | null])[]> {
  const text = await Bun.file(join(COMPOSE_FOLDER, file)).text()
  return [...text.matchAll(/\$\{([A-Z_]+)(?::-([^}]*)|:\?[^}]*)\}/g)].map(([, name = '', fallback]) => [
    name,
    fallback ?? null,
  ])
}

describe('the example of .env', () => {
  test('explains every variable in the line above it', () => {
    const lines = example.split('\n')
    const bare = lines.filter((line, at) => /^[A-Z_]+=/.test(line) && !lines[at - 1]?.startsWith('# '))
    expect(bare).toEqual([])
  })

  test('has every variable of the files and no other, with their defaults, and no value for what has none', async () => {
    const wanted = new Map(
      (await Promise.all(files.map(variablesOf))).flat().map(([name, value]) => [name, value ?? '']),
    )
    expect([...examples].toSorted()).toEqual([...wanted].toSorted())
  })
})

describe.each(files)('%s', (file) => {
  test('asks for a key, with the command that makes one', async () => {
    const project = await ComposeProject.make(file, 'none', { ...REQUIRED, API_KEY: '' })
    const { code, errors } = await project.run('config')
    expect(code).not.toBe(0)
    expect(errors).toMatch(/API_KEY is missing a value: set it in \.env/)
    expect(await Bun.file(join(COMPOSE_FOLDER, file)).text()).toContain('openssl rand -hex 32')
    await project.remove()
  })

  test('sets only what its programs read, and what makes a good first evening', async () => {
    const project = await ComposeProject.make(file, 'none', REQUIRED)
    const services = await project.services()
    for (const [name, { environment }] of Object.entries(services)) {
      const unknown = Object.keys(environment).filter((variable) => !KNOWN[name]?.includes(variable))
      expect([name, unknown]).toEqual([name, []])
    }
    const { roundhouse, acexy } = services
    expect(roundhouse?.environment).toMatchObject({
      ...{ MIN_FREE_REPLICAS: '1', AUTO_DELETE: 'true', PROVISION_ERROR_DETAIL: 'object' },
      API_KEY: acexy?.environment.ACEXY_ORCH_APIKEY ?? '',
      MAX_STREAMS_PER_ENGINE: acexy?.environment.ACEXY_MAX_STREAMS_PER_ENGINE ?? '',
    })
    // On the host's network acexy can't use names of containers; on a network of their own it needs them.
    const isOnHost = roundhouse?.network_mode === 'host'
    expect(roundhouse?.environment.ENGINE_ADVERTISE).toBe(isOnHost ? 'host' : undefined)
    expect(acexy?.network_mode).toBe(roundhouse?.network_mode as string)
    await project.remove()
  })
})

describe('run with stand-ins', () => {
  let docker: TestDocker
  let own: OwnImage
  let images: Readonly<Record<string, string>>
  const projects: ComposeProject[] = []

  beforeAll(async () => {
    docker = await connectTestDocker()
    own = await buildOwnImage(docker)
    images = {
      ROUNDHOUSE_IMAGE: own.tag,
      ACEXY_IMAGE: await buildAcexyImage(),
      TARGET_IMAGE: await buildEngineImage(),
      GLUETUN_IMAGE: await buildGluetunImage(),
      SOCKET_PROXY_IMAGE: await buildSocketProxyImage(),
    }
  }, 240_000)
  afterEach(async () => {
    await docker.cleanUp()
    await Promise.all(projects.splice(0).map((project) => project.remove()))
  })
  afterAll(() => own?.remove())

  /** Everything carries the test's label. Checks come every second; the engines' stand-in is told how it is to behave. */
  const overrides = (services: Iterable<string>, isBehindVpn: boolean): string => {
    const { key, value } = docker.label
    const engine = { TUNNEL_URL: 'http://127.0.0.1:8999/tunnel', CONTROL_PORT }
    const extra: Record<string, string> = {
      roundhouse: `
    healthcheck: { interval: 1s }
    environment:
      CONTAINER_LABEL: ${key}=${value}
      ENGINE_RECIPE: variables
      ${isBehindVpn ? `ENGINE_ENV: '${JSON.stringify(engine)}'` : ''}`,
      // This machine may have no such device, and the stand-in needs none.
      gluetun: `
    devices: !reset []
    healthcheck: { interval: 1s }`,
    }
    const bodies = [...services].map(
      (name) => `  ${name}:\n    labels: { ${key}: ${value} }${extra[name] ?? ''}\n`,
    )
    return `services:\n${bodies.join('')}`
  }

  test.each(files)('%s: a stream plays through acexy, and engines outlive a down', async (file) => {
    const ports = { APP_PORT: String(freePort()), VIEWER_PORT: String(freePort()) }
    const name = `roundhouse-${file.split('.').at(-2)}-${docker.label.value}`
    const env = {
      ...{ ...REQUIRED, ...images, ...ports },
      DOCKER_SOCKET: socketOf(docker),
      PORT_RANGE_HOST: rangeSetting(freePortRange(20)),
      GLUETUN_PORT_RANGE: rangeSetting(freePortRange(20)),
      GLUETUN_CONTAINER_NAME: name,
      DOCKER_NETWORK: name,
      // A user without rights, whom only the socket's group lets in.
      RUN_AS: '65532:65532',
      DOCKER_GID: String(statSync(socketOf(docker)).gid),
    }
    const plain = await ComposeProject.make(file, name, env)
    const services = Object.keys(await plain.services())
    await plain.remove()
    const isBehindVpn = services.includes('gluetun')
    const project = await ComposeProject.make(file, name, env, overrides(services, isBehindVpn))
    projects.push(project)
    await project.must('up', '--detach')

    const get = async <T>(path: string): Promise<T> =>
      (await fetch(`http://127.0.0.1:${ports.APP_PORT}${path}`)).json() as Promise<T>
    await until('a free engine is ready', async () =>
      (await get<EngineRow[]>('/engines')).some(({ status }) => status === 'ready'),
    )
    const acexy = `http://127.0.0.1:${ports.VIEWER_PORT}/ace`
    // Docker accepts connections to a published port before anybody listens inside, and closes them.
    await until('acexy answers', () => fetch(`${acexy}/status`).catch(() => null), 90_000)
    const viewer = await fetch(`${acexy}/getstream?id=${CONTENT}`)
    expect(viewer.status).toBe(200)
    let bytes = 0
    for await (const chunk of viewer.body ?? []) {
      bytes += chunk.length
      if (bytes > ENOUGH_BYTES) break
    }
    expect(bytes).toBeGreaterThan(ENOUGH_BYTES)
    const engines = await get<EngineRow[]>('/engines?status=all')
    const [stream] = await get<{ container_id: string; key: string }[]>('/streams')
    expect(stream?.key).toBe(CONTENT)
    expect(engines.map(({ container_id }) => container_id)).toContain(stream?.container_id ?? '')
    const { warnings } = await get<{ warnings: { code: string }[] }>('/orchestrator/status')
    expect(warnings).toEqual([])

    await project.run('down', '--timeout', '2')
    const left = await docker.client.listContainers({
      filters: { label: [`${docker.label.key}=${docker.label.value}`] },
    })
    expect(left.map(({ Id }) => Id)).toContain(stream?.container_id ?? '')
  })
})

test('the README of the folder names every file', async () => {
  const readme = await Bun.file(join(COMPOSE_FOLDER, 'README.md')).text()
  for (const file of [...files, '.env.example']) expect(readme).toContain(`\`${file}\``)
  for (const [, path = ''] of readme.matchAll(/\]\((?!https:)([^)#]+)/g)) {
    expect([path, existsSync(join(COMPOSE_FOLDER, path))]).toEqual([path, true])
  }
})
