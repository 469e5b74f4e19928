/** Tests the image on a real Docker Engine, at `DOCKER_HOST` or the default socket. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Container } from 'dockerode'
import { connectTestDocker, type TestDocker, until } from '../../../support/docker.ts'
import { buildEngineImage } from '../../../support/engine-image.ts'
import { type GluetunOptions, type RunningGluetun, runGluetun } from '../../../support/gluetun.ts'
import { buildGluetunImage } from '../../../support/gluetun-image.ts'
import { freePortRange } from '../../../support/ports.ts'

const IMAGE_DEADLINE_MS = 120_000
const ENGINE_PORT = 6878
const NETWORK_QUERY = '/server/api?api_version=3&method=get_network_connection_status'

setDefaultTimeout(30_000)

let docker: TestDocker
let image = ''
let engineImage = ''

beforeAll(async () => {
  docker = await connectTestDocker()
  image = await buildGluetunImage()
  engineImage = await buildEngineImage()
}, IMAGE_DEADLINE_MS)

afterAll(async () => {
  await docker.cleanUp()
})

const run = (options: Partial<GluetunOptions> = {}): Promise<RunningGluetun> =>
  runGluetun({
    docker,
    image,
    name: `gluetun-${crypto.randomUUID().slice(0, 8)}`,
    healthcheckMs: 200,
    ...options,
  })

/** An engine in the namespace of a Gluetun, which asks that Gluetun about the tunnel. */
async function joined(gluetun: RunningGluetun, env: readonly string[] = []): Promise<Container> {
  const engine = await docker.client.createContainer({
    Image: engineImage,
    Env: ['BIND_ALL=true', 'TUNNEL_URL=http://127.0.0.1:8999/tunnel', ...env],
    Labels: { [docker.label.key]: docker.label.value },
    HostConfig: { NetworkMode: `container:${gluetun.id}` },
  })
  await engine.start()
  return engine
}

/** Whether the engine reports that it is connected. Null if no engine answers. */
async function connected(base: string): Promise<boolean | null> {
  try {
    const answer = await fetch(`${base}${NETWORK_QUERY}`, {
      keepalive: false,
      signal: AbortSignal.timeout(2000),
    })
    return (await answer.text()).includes('"connected": true')
  } catch {
    return null
  }
}

const isHealthy = (gluetun: RunningGluetun) =>
  until('it is healthy', async () => (await gluetun.health()) === 'healthy')

test('the image is only built when something changed', async () => {
  const startedMs = performance.now()
  expect(await buildGluetunImage()).toBe(image)
  expect(performance.now() - startedMs).toBeLessThan(500)
})

test('the image has the health check of the real one', async () => {
  const { Config } = await docker.client.getImage(image).inspect()
  expect(Config.Healthcheck).toEqual({
    Test: ['CMD', '/gluetun-entrypoint', 'healthcheck'],
    Interval: 5e9,
    Timeout: 5e9,
    StartPeriod: 10e9,
    Retries: 3,
  })
})

test('a container becomes healthy, then unhealthy with the reason, and the process ends at once on SIGTERM', async () => {
  const gluetun = await run({ env: { DETECT_MS: '100' } })
  await isHealthy(gluetun)
  await gluetun.faults({ tunnel_cut: true })
  await until('it is unhealthy', async () => (await gluetun.health()) === 'unhealthy')
  const { State } = await docker.client.getContainer(gluetun.id).inspect()
  expect(State.Health?.Log.at(-1)?.Output).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ERROR HTTP response status is not OK: 500 500 Internal Server Error: \w+ .*check: /,
  )
  await gluetun.stop()
  expect((await docker.client.getContainer(gluetun.id).inspect()).State.ExitCode).toBe(0)
})

test('its servers can be published, and it counts what it is asked', async () => {
  const { first: control, last: test } = freePortRange(2)
  const gluetun = await run({ dialect: 'v3.40.4', ports: { control, test } })
  const answer = await fetch(`http://127.0.0.1:${control}/v1/version`, { keepalive: false })
  expect(await answer.text()).toContain('"v3.40.4"')
  expect(await gluetun.calls()).toEqual({ 'GET /v1/version': { 200: 1 } })
  expect((await gluetun.state()).dialect).toBe('v3.40.4')
})

test('killed, started, stopped and started: each time it forgets its faults', async () => {
  const gluetun = await run()
  for (const end of [() => gluetun.kill(), () => gluetun.stop()]) {
    await gluetun.faults({ control_status: 500 })
    await end()
    expect(gluetun.address).toBe('')
    await gluetun.start()
    expect((await gluetun.state()).faults.control_status).toBeNull()
  }
  await gluetun.faults({ control_status: 500 })
  expect((await gluetun.clearFaults()).control_status).toBeNull()
})

describe('a joined engine', () => {
  test('is reachable at the address of Gluetun and at a published port, and follows its tunnel', async () => {
    const { first } = freePortRange(2)
    const gluetun = await run({ publish: { first, last: first + 1 }, env: { HANDSHAKE_MS: '100' } })
    await joined(gluetun, [`HTTP_PORT=${first}`])
    const bases = [`http://${gluetun.address}:${first}`, `http://127.0.0.1:${first}`]
    for (const base of bases)
      await until(`${base} is connected`, async () => (await connected(base)) === true)

    await gluetun.faults({ tunnel_cut: true })
    for (const base of bases) await until(`${base} is cut off`, async () => (await connected(base)) === false)
    await gluetun.faults({ tunnel_cut: false })
    for (const base of bases) await until(`${base} is back`, async () => (await connected(base)) === true)
  })

  test('is left in a dead namespace by a restart, and lives again when it is restarted itself', async () => {
    const gluetun = await run()
    const engine = await joined(gluetun)
    const base = () => `http://${gluetun.address}:${ENGINE_PORT}`
    await until('the engine answers', async () => (await connected(base())) !== null)
    await gluetun.restart()
    await isHealthy(gluetun)
    expect(await connected(base())).toBeNull()
    expect((await engine.inspect()).State.Status).toBe('running')

    await engine.restart({ t: 1 })
    await until('the engine answers again', async () => (await connected(base())) === true)
  })

  test('cannot be started again when Gluetun was made anew', async () => {
    const gluetun = await run()
    const engine = await joined(gluetun)
    const before = gluetun.id
    await gluetun.recreate()
    expect(gluetun.id).not.toBe(before)
    expect((await engine.inspect()).State.Status).toBe('running')
    await expect(engine.restart({ t: 1 })).rejects.toThrow(`No such container: ${before}`)
  })
})

describe('a panic', () => {
  const panic = (gluetun: RunningGluetun) =>
    fetch(`${gluetun.controlUrl}/v1/openvpn/status`, {
      method: 'PUT',
      body: '{"status":"running"}',
      keepalive: false,
    })

  test('ends the container with code 2, and the caller has no answer', async () => {
    const gluetun = await run()
    expect((await panic(gluetun).catch((error) => error)).code).toBe('ECONNRESET')
    const container = docker.client.getContainer(gluetun.id)
    await until('it has ended', async () => !(await container.inspect()).State.Running)
    expect((await container.inspect()).State.ExitCode).toBe(2)
  })

  test('is followed by a start where a restart policy wants that', async () => {
    const gluetun = await run({ restartPolicy: 'always' })
    await panic(gluetun).catch(() => {})
    const container = docker.client.getContainer(gluetun.id)
    await until('it was restarted', async () => (await container.inspect()).RestartCount === 1)
  })
})

test.each<[string, Record<string, string>, number, string]>([
  ['a role file that is none', { AUTH_CONFIG_TOML: '[[roles]]\nnothing = 1' }, 1, 'strict mode'],
  ['a default role that is not JSON', { HTTP_CONTROL_SERVER_AUTH_DEFAULT_ROLE: 'nothing' }, 2, 'panic'],
])('%s ends the process at its start', async (_, env, exitCode, text) => {
  const container = await docker.client.createContainer({
    Image: image,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: { [docker.label.key]: docker.label.value },
  })
  await container.start()
  expect((await container.wait()).StatusCode).toBe(exitCode)
  expect(String(await container.logs({ stderr: true }))).toContain(text)
})
