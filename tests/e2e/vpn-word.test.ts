import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { AcexyClient } from '../support/acexy-client.ts'
import { until } from '../support/docker.ts'
import { mustProvision } from '../support/fleet.ts'
import { untilReady } from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'
import {
  openVpnSite,
  refusalOf,
  untilForwarding,
  untilNode,
  type VpnSite,
  vpnOf,
} from '../support/vpn-site.ts'

/* What the word of a VPN container is worth: a health check that is wrong, and containers that are no Gluetun. */

setDefaultTimeout(90_000)

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

async function acexyAt(server: TestServer): Promise<AcexyClient> {
  const acexy = new AcexyClient({ url: server.url })
  cleanUps.push(() => acexy.stop())
  await acexy.start()
  return acexy
}

const codesOf = async (server: TestServer): Promise<string[]> => {
  const { warnings } = await server.get<{ warnings: { code: string; message: string }[] }>(
    '/orchestrator/status',
  )
  return warnings.map(({ code }) => code)
}
const listedAt = async (server: TestServer): Promise<number> => (await server.get<[]>('/engines')).length

test('a health check that is wrong hides nothing that plays, and refuses a provision', async () => {
  const gluetun = await vpn.gluetun()
  const server = vpn.server([gluetun])
  await server.start()
  await untilForwarding(server)
  const viewing = await (await acexyAt(server)).watch(CONTENT)
  await viewing.read(188 * 100)
  await mustProvision(server)
  // Read on, so that the engine goes on loading.
  let isWatched = true
  const watched = (async () => {
    while (isWatched) await viewing.read(188 * 100)
  })()
  await until('the stream is seen to move', async () => {
    const [node] = (await vpnOf(server)).nodes
    return node?.streams_moved != null && node.engines_say?.connected === 2
  })
  const words = 'small periodic check: all check tries failed'
  await gluetun.faults({ health: 'unhealthy', health_text: words })
  await until('Docker calls it unhealthy', async () => (await gluetun.health()) === 'unhealthy')
  await until('it is warned of', async () => (await codesOf(server)).includes('vpn_health_check_fails'))
  expect(await vpnOf(server)).toMatchObject({
    connected: false,
    health: 'unhealthy',
    nodes: [
      {
        ...{ state: 'unknown', docker_health: 'unhealthy', vpn_status: 'running' },
        docker_health_text: expect.stringContaining(words),
      },
    ],
  })
  expect(await listedAt(server)).toBe(2)
  expect((await refusalOf(server)).body).toMatchObject({
    detail: `Cannot provision engine: VPN not available - Gluetun VPN container '${gluetun.options.name}' is not healthy`,
  })
  isWatched = false
  await watched
  await viewing.leave()
  await gluetun.clearFaults()
  await untilNode(server, 'up')
  expect(await codesOf(server)).not.toContain('vpn_health_check_fails')
  expect(await listedAt(server)).toBe(2)
})

test('a VPN container without a control server and without a health check is up, and carries engines', async () => {
  const wireguard = await vpn.gluetun({ env: { CONTROL_SERVER: 'off' }, hasHealthcheck: false })
  const asGluetun = vpn.server([wireguard])
  await asGluetun.start()
  await until('it is not known', async () => {
    const [node] = (await vpnOf(asGluetun)).nodes
    return node?.reason?.includes('has no health check, and the control server does not listen')
  })
  await asGluetun.end()
  const server = vpn.server([wireguard], { VPN_CONTROL: 'none' })
  await server.start()
  await untilNode(server, 'up')
  expect((await vpnOf(server)).nodes).toMatchObject([
    { control: 'none', vpn_status: null, control_problem: null, docker_health: null },
  ])
  await mustProvision(server)
  await untilReady(server, 1)
  const viewing = await (await acexyAt(server)).watch(CONTENT)
  expect((await viewing.read(188 * 100)).length).toBeGreaterThanOrEqual(188 * 100)
  await viewing.leave()
  // An engine that never was connected tells nothing.
  const [heard] = await until('its engine said that it is connected', async () => {
    const { nodes } = await vpnOf(server)
    return nodes[0]?.engines_say?.connected === 1 && nodes
  })
  expect(heard).toMatchObject({ state: 'up' })
  await wireguard.faults({ tunnel_cut: true })
  const { reason } = await untilNode(server, 'down')
  expect(reason).toStartWith(`VPN container '${wireguard.options.name}' has lost its tunnel`)
  expect(await listedAt(server)).toBe(0)
  await wireguard.clearFaults()
  await untilNode(server, 'up')
})
