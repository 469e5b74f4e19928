import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { AcexyClient, ViewerRefused } from '../support/acexy-client.ts'
import { until } from '../support/docker.ts'
import { mustProvision } from '../support/fleet.ts'
import { fleetOf, untilReady } from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'
import {
  openVpnSite,
  refusalOf,
  untilForwarding,
  untilNode,
  type VpnSite,
  vpnOf,
} from '../support/vpn-site.ts'

/*
 * The VPN failure scenarios of the seed (the specification that this project began with): the orchestrator as a process,
 * real Docker, Gluetun and engine emulators in containers, and how acexy reacts.
 */

setDefaultTimeout(60_000)

const CONTENT = { by: 'id', key: 'd'.repeat(40) } as const

let vpn: VpnSite
const cleanUps: (() => unknown)[] = []

beforeAll(async () => {
  vpn = await openVpnSite()
}, 240_000)
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
  await vpn.cleanUp()
})
afterAll(() => vpn?.cleanUp())

/** Starts acexy on the host, with the current status. */
async function acexyAt(server: TestServer): Promise<AcexyClient> {
  const acexy = new AcexyClient({ url: server.url })
  cleanUps.push(() => acexy.stop())
  await acexy.start()
  return acexy
}

/** Runs a healthy Gluetun and a server that has its forwarded port. */
async function healthy(env: Readonly<Record<string, string>> = {}) {
  const gluetun = await vpn.gluetun()
  const server = vpn.server([gluetun], env)
  await server.start()
  await untilForwarding(server)
  return { gluetun, server, name: gluetun.options.name }
}

const refusedWith = async (acexy: AcexyClient, server: TestServer): Promise<ViewerRefused> => {
  const outcome = await acexy.watch(CONTENT).catch((error: unknown) => error)
  if (!(outcome instanceof ViewerRefused))
    throw new Error(`not refused: ${String(outcome)}\n${server.output}`)
  return outcome
}

describe('the VPN is', () => {
  test('healthy: acexy gets an engine behind it, listed at once, and its stream plays', async () => {
    const { server, name } = await healthy()
    const acexy = await acexyAt(server)
    const viewing = await acexy.watch(CONTENT)
    expect((await viewing.read(188 * 100)).length).toBeGreaterThanOrEqual(188 * 100)
    expect(await fleetOf(server)).toMatchObject([{ vpn_container: name, forwarded: true, listed: true }])
    expect(await vpnOf(server)).toMatchObject({
      enabled: true,
      connected: true,
      status: 'running',
      health: 'healthy',
      container: name,
      forwarded_port: 51_413,
      public_ip: '203.0.113.7',
      nodes: [
        { state: 'up', vpn_status: 'running', docker_health: 'healthy', engines: 1, control_problem: null },
      ],
    })
    await viewing.leave()
    expect(acexy.troubles).toEqual([])
  })

  test('unhealthy: 503 with the reason, nothing listed, and a viewer is told to come back', async () => {
    const { gluetun, server, name } = await healthy()
    await mustProvision(server)
    await gluetun.faults({ health: 'unhealthy' })
    await untilNode(server, 'down')
    const { status, body, retryAfter } = await refusalOf(server)
    expect([status, retryAfter]).toEqual([503, '8'])
    expect(body).toMatchObject({
      detail: `Cannot provision engine: VPN not available - Gluetun VPN container '${name}' is not healthy`,
      code: 'vpn_disconnected',
      recovery_eta_seconds: 8,
      should_wait: true,
      can_retry: true,
    })
    expect(await server.get('/engines')).toEqual([])
    expect(await server.get('/orchestrator/status')).toMatchObject({
      status: 'degraded',
      vpn: { enabled: true, connected: false, health: 'unhealthy', container: name },
      provisioning: {
        can_provision: false,
        blocked_reason: 'VPN not connected',
        circuit_breaker_state: 'closed',
      },
    })
    const { message, retryAfterSeconds } = await refusedWith(await acexyAt(server), server)
    expect(message).toStartWith('vpn_disconnected: Cannot provision engine: VPN not available')
    expect(retryAfterSeconds).toBe(60)
  })

  test('missing: 503 says so', async () => {
    const { gluetun, server, name } = await healthy()
    await gluetun.remove()
    await until('it is seen to be gone', async () => (await vpnOf(server)).status === 'missing')
    expect((await refusalOf(server)).body).toMatchObject({
      detail: `Cannot provision engine: VPN not available - Gluetun VPN container '${name}' does not exist`,
    })
    await refusedWith(await acexyAt(server), server)
  })

  test('starting: 503 with a short time to come back, and an engine as soon as it is up', async () => {
    // Docker makes its first health check after this time.
    const gluetun = await vpn.gluetun({ healthcheckMs: 4_000 })
    const server = vpn.server([gluetun])
    await server.start()
    await until('the node was seen', async () => (await vpnOf(server)).nodes[0]?.docker_health === 'starting')
    const { status, retryAfter, body } = await refusalOf(server)
    expect([status, retryAfter]).toEqual([503, '5'])
    expect(body).toMatchObject({ code: 'vpn_disconnected', should_wait: true })
    expect(await vpnOf(server)).toMatchObject({ connected: false, health: 'starting' })
    await untilNode(server, 'up')
    await mustProvision(server)
  })

  test('disabled: engines are provisioned as ever', async () => {
    const server = vpn.site.server({ ENGINE_ADVERTISE: 'host' })
    await server.start()
    expect(await vpnOf(server)).toMatchObject({
      enabled: false,
      status: 'disabled',
      connected: false,
      nodes: [],
    })
    expect(await server.get('/orchestrator/status')).toMatchObject({
      vpn: { enabled: false, connected: false, health: 'unknown', container: null, forwarded_port: null },
      provisioning: { can_provision: true, blocked_reason: null },
    })
    const route = await (await acexyAt(server)).select()
    expect(route.provisioned).not.toBeNull()
  })

  test('recovered: an engine for the next viewer with no operator, and the breaker never heard of it', async () => {
    const { gluetun, server } = await healthy()
    const { container_id } = await mustProvision(server)
    await gluetun.faults({ health: 'unhealthy' })
    await untilNode(server, 'down')
    for (let time = 0; time < 6; time++) await refusalOf(server)
    await gluetun.faults({ health: null })
    await untilNode(server, 'up')
    expect(await server.get('/engines')).toMatchObject([{ container_id }])
    expect(await server.get('/health/status')).toMatchObject({
      circuit_breakers: { general: { state: 'closed', failure_count: 0 } },
    })
    const acexy = await acexyAt(server)
    const viewing = await acexy.watch(CONTENT)
    await viewing.leave()
    expect(acexy.troubles).toEqual([])
  })
})

test('scenario 2: acexy uses an engine of a surviving node, and without one its viewer gets 503', async () => {
  const nodes = [await vpn.gluetun(), await vpn.gluetun()] as const
  const server = vpn.server(nodes)
  await server.start()
  await untilForwarding(server)
  for (const _ of nodes) await mustProvision(server)
  const fleet = await untilReady(server, 2)
  const [lost, kept] = nodes.map(({ options }) => options.name)
  expect(fleet.map((row) => Reflect.get(row, 'vpn_container')).toSorted()).toEqual([lost, kept].toSorted())
  await nodes[0].stop()
  await untilNode(server, 'down')
  const survivor = fleet.find((row) => Reflect.get(row, 'vpn_container') === kept)

  const acexy = await acexyAt(server)
  const viewing = await acexy.watch(CONTENT)
  expect(viewing.viewed.route.containerId).toBe(survivor?.container_id ?? '')
  await viewing.leave()
  expect(await server.get('/orchestrator/status')).toMatchObject({
    vpn: { connected: true, container: kept },
    provisioning: { can_provision: true },
  })

  await nodes[1].stop()
  await until('no engine is listed', async () => (await server.get<unknown[]>('/engines')).length === 0)
  // Its engine may say that it is not connected before Docker says that the container has ended.
  await until('both are known to have ended', async () => {
    const { nodes: told } = await server.get<{ nodes: { reason: string | null }[] }>('/vpn/status')
    return told.every(({ reason }) => reason?.includes('exited'))
  })
  const { body, status } = await refusalOf(server)
  expect(status).toBe(503)
  expect(body).toMatchObject({
    detail:
      `Cannot provision engine: VPN not available - Gluetun VPN container '${lost}' is not running (exited); ` +
      `Gluetun VPN container '${kept}' is not running (exited)`,
  })
  // A new acexy is needed, because the first one keeps its list of engines for two seconds.
  expect((await refusedWith(await acexyAt(server), server)).retryAfterSeconds).toBe(60)
})
