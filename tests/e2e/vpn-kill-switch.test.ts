import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { staysFor, until } from '../support/docker.ts'
import { mustProvision } from '../support/fleet.ts'
import type { RunningGluetun } from '../support/gluetun.ts'
import {
  type FleetRow,
  journalOf,
  reportEnded,
  startViewing,
  streamOf,
  untilReady,
  type Viewer,
} from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'
import { openVpnSite, untilForwarding, untilNode, type VpnSite, vpnOf } from '../support/vpn-site.ts'

/*
 * A restart configures or misspells a VPN while somebody watches: the orchestrator as a process, real Docker, the emulators
 * of Gluetun and of engines.
 */

setDefaultTimeout(120_000)

let vpn: VpnSite

beforeAll(async () => {
  vpn = await openVpnSite()
}, 240_000)
afterEach(() => vpn.cleanUp())
afterAll(() => vpn?.cleanUp())

interface Row extends FleetRow {
  readonly vpn_container: string | null
}

interface Status {
  readonly warnings: readonly { readonly code: string; readonly message: string }[]
}

const OUTSIDE = 'it is outside the VPN'
/** Engines without a VPN have no tunnel to ask about. */
const WITHOUT_VPN = { GLUETUN_CONTAINER_NAME: '', ENGINE_ENV: '' }

const rowsOf = (server: TestServer): Promise<Row[]> => server.get('/engines?status=all')

const warningsOf = async (server: TestServer): Promise<string[]> =>
  (await server.get<Status>('/orchestrator/status')).warnings.map(
    ({ code, message }) => `${code}: ${message}`,
  )

/** Waits, because the rows change before the fleet is checked for warnings. */
const untilNoWarning = (server: TestServer): Promise<boolean> =>
  until('nothing is warned of', async () => (await warningsOf(server)).length === 0)

/** The engines are hidden at once; the warning comes with the first fleet snapshot. */
const untilWarned = (server: TestServer): Promise<boolean> =>
  until('something is warned of', async () => (await warningsOf(server)).length > 0)

const stateOf = async (id: string): Promise<string> =>
  (await vpn.site.docker.client.getContainer(id).inspect()).State.Status

/** Waits until the viewer has more bytes than now. On a busy machine a chunk may be late, which does not mean an end. */
const untilItMoves = async (viewer: Viewer): Promise<true> => {
  const before = viewer.bytes()
  return until('the stream moves', () => viewer.bytes() > before)
}

/** Leaves and stops the session, as a proxy does. Otherwise the engine would keep the session for a minute. */
async function leaveForGood(viewer: Viewer): Promise<void> {
  viewer.leave()
  await fetch(`${viewer.statUrl.replace('/stat/', '/cmd/')}?method=stop`, { keepalive: false })
}

/** Runs an engine without a VPN, its viewer, and a server that then ends. The next start of the server has the VPN. */
async function playedOutside(gluetun: RunningGluetun, env: Readonly<Record<string, string>> = {}) {
  const server = vpn.server([gluetun], env)
  await server.start(WITHOUT_VPN)
  await mustProvision(server)
  const [row] = (await untilReady(server, 1)) as [FleetRow]
  const viewer = await startViewing(server, row, 'watched')
  await server.end()
  await untilItMoves(viewer)
  return { server, row, viewer }
}

test('an engine from before the VPN is hidden at once, its stream ended, and it comes back behind the VPN', async () => {
  const gluetun = await vpn.gluetun()
  const { server, row, viewer } = await playedOutside(gluetun)
  await gluetun.stop()

  const startedMs = performance.now()
  await server.start({}, '/healthz')
  expect(await server.get('/engines')).toEqual([])
  expect(await rowsOf(server)).toMatchObject([
    { container_id: row.container_id, listed: false, reason: OUTSIDE },
  ])
  await untilWarned(server)
  expect(await warningsOf(server)).toEqual([
    `engines_outside_vpn: engine ${row.container_name} is outside the VPN, in a network of its own: ` +
      'hidden from proxies, stopped, and its streams ended',
  ])
  await until('its container stands still', async () => (await stateOf(row.container_id)) === 'exited')
  const bytes = viewer.bytes()
  const stoppedMs = Math.round(performance.now() - startedMs)
  console.log(`stopped ${stoppedMs} ms after the start of the process`)
  expect(stoppedMs).toBeLessThan(10_000)
  await staysFor(1_000, 'no byte comes any more', async () => viewer.bytes() === bytes)
  expect(await streamOf(server, 'watched')).toMatchObject({ status: 'ended', end_reason: 'outside_vpn' })

  // No node is up, so the engine waits unchanged, also over a crash.
  await server.end('SIGKILL')
  await server.start()
  await untilNode(server, 'down')
  await staysFor(3_000, 'it is kept, stopped and hidden', async () => {
    const [only, ...others] = await rowsOf(server)
    const isKept = only?.container_id === row.container_id && only.reason === OUTSIDE && others.length === 0
    return isKept && (await stateOf(row.container_id)) === 'exited'
  })
  expect(await warningsOf(server)).toHaveLength(1)

  await gluetun.start()
  const [moved] = (await untilReady(server, 1)) as [Row]
  expect(moved).toMatchObject({ container_name: row.container_name, vpn_container: gluetun.options.name })
  expect(moved.container_id).not.toBe(row.container_id)
  const { HostConfig } = await vpn.site.docker.client.getContainer(moved.container_id).inspect()
  expect(HostConfig.NetworkMode).toBe(`container:${gluetun.id}`)
  await untilNoWarning(server)
  const viewed = await startViewing(server, moved, 'behind')
  viewed.leave()
  const told = journalOf(server).filter(({ detail }) => detail.rule !== undefined)
  expect(told.map(({ kind, detail }) => `${kind} ${detail.rule}`)).toEqual([
    'engine.outside_vpn outside_vpn',
    'engine.recreating moved_behind_vpn',
  ])
})

test('with VPN_STRICT=false its stream goes on, hidden, and it is replaced when its viewer has left', async () => {
  const gluetun = await vpn.gluetun()
  const { server, row, viewer } = await playedOutside(gluetun, { VPN_STRICT: 'false' })
  await server.start({}, '/healthz')
  expect(await server.get('/engines')).toEqual([])
  await untilWarned(server)
  expect(await warningsOf(server)).toEqual([
    `engines_outside_vpn: engine ${row.container_name} is outside the VPN, in a network of its own: ` +
      'hidden from proxies, and its streams go on (VPN_STRICT=false)',
  ])
  await untilForwarding(server)
  await staysFor(4_000, 'it plays on, hidden', async () => {
    const [only] = await rowsOf(server)
    expect(only?.reason).toBe(OUTSIDE)
    return untilItMoves(viewer)
  })
  expect(await streamOf(server, 'watched')).toMatchObject({ status: 'started' })
  await leaveForGood(viewer)
  await reportEnded(server, 'watched')
  const [other] = await until(
    'another took its place behind the VPN',
    async () => {
      const rows = await rowsOf(server)
      return rows.length === 1 && rows[0]?.container_id !== row.container_id && rows[0]?.listed && rows
    },
    40_000,
  )
  expect(other).toMatchObject({ vpn_container: gluetun.options.name })
  await untilNoWarning(server)
})

test('engines behind a Gluetun whose name is misspelt are hidden and told, and their streams go on', async () => {
  const gluetun = await vpn.gluetun()
  const server = vpn.server([gluetun])
  await server.start()
  await untilForwarding(server)
  await mustProvision(server)
  const [row] = (await untilReady(server, 1)) as [FleetRow]
  const viewer = await startViewing(server, row, 'watched')
  await server.end()

  const misspelt = `${gluetun.options.name}x`
  await server.start({ GLUETUN_CONTAINER_NAME: misspelt })
  await until('the name was looked up', async () => (await vpnOf(server)).status === 'missing')
  expect(await server.get('/engines')).toEqual([])
  await untilWarned(server)
  expect(await warningsOf(server)).toEqual([
    `engines_in_other_network: engine ${row.container_name} is in the network of container ` +
      `'${gluetun.options.name}', which is no VPN node of the configuration: hidden from proxies, and its streams go on`,
  ])
  await staysFor(4_000, 'it plays on, hidden', async () => {
    const [only] = await rowsOf(server)
    expect(only?.reason).toBe(OUTSIDE)
    return untilItMoves(viewer)
  })
  await server.end()

  await server.start()
  await untilNode(server, 'up')
  expect(await rowsOf(server)).toMatchObject([{ container_id: row.container_id, listed: true }])
  expect(await streamOf(server, 'watched')).toMatchObject({ status: 'started' })
  await untilItMoves(viewer)
  await untilNoWarning(server)
  viewer.leave()
})
