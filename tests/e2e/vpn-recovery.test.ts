import { Database } from 'bun:sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { until } from '../support/docker.ts'
import { mustProvision } from '../support/fleet.ts'
import type { RunningGluetun } from '../support/gluetun.ts'
import { type FleetRow, idsOf, journalOf, startViewing, streamOf, untilReady } from '../support/lifecycle.ts'
import type { TestServer } from '../support/server.ts'
import {
  ALL_DIALECTS,
  connectionAt,
  openVpnSite,
  refusalOf,
  untilForwarding,
  untilNode,
  type VpnSite,
  vpnOf,
} from '../support/vpn-site.ts'

/*
 * What happens to engines when their VPN goes and comes back, on real Docker with the emulators of Gluetun and of engines in
 * one network namespace.
 */

setDefaultTimeout(180_000)

let vpn: VpnSite

beforeAll(async () => {
  vpn = await openVpnSite()
}, 240_000)
afterEach(() => vpn.cleanUp())
afterAll(() => vpn?.cleanUp())

/** Runs a healthy Gluetun, and a server with this many ready engines behind it. */
async function fleetBehind(
  count: number,
  env: Readonly<Record<string, string>> = {},
  engineEnv: Readonly<Record<string, string>> = {},
  options: Parameters<VpnSite['gluetun']>[0] = {},
): Promise<{ gluetun: RunningGluetun; server: TestServer; fleet: FleetRow[] }> {
  const gluetun = await vpn.gluetun(options)
  const server = vpn.server([gluetun], env, engineEnv)
  await server.start()
  await untilForwarding(server)
  for (let number = 0; number < count; number++) await mustProvision(server)
  const fleet = await untilReady(server, count)
  await until('all engines have said that they are connected', async () => {
    const { engines } = await server.get<{ engines: { connected: boolean | null }[] }>('/health/status')
    return engines.every(({ connected }) => connected)
  })
  return { gluetun, server, fleet }
}

/**
 * Waits until every engine answers at its port, through Gluetun's current network namespace, that it is connected. Engines
 * that are restarted are so one after another.
 */
const untilConnected = (fleet: readonly FleetRow[]): Promise<true> =>
  until(
    'all engines are connected',
    async () => {
      const answers = await Promise.all(fleet.map(({ port }) => connectionAt(port)))
      return answers.every((answer) => answer === true)
    },
    30_000 * fleet.length,
  )

const namesOf = (fleet: readonly FleetRow[]): string[] =>
  fleet.map(({ container_name, port }) => `${container_name} ${port}`)

const kindsOf = (server: TestServer, kind: string): number =>
  journalOf(server).filter((entry) => entry.kind === kind).length

/** Reads what the API does not show of the engines' rows. */
function portsOf(
  server: TestServer,
): { id: string; http: number; https: number; api: number; p2p: number }[] {
  const database = new Database(server.databasePath, { readonly: true })
  try {
    return database
      .query<{ id: string; http: number; https: number; api: number; p2p: number }, []>(
        `SELECT container_id id, http_port http, https_port https, api_port api, p2p_port p2p FROM engines
         WHERE status NOT IN ('gone', 'failed') ORDER BY created_at`,
      )
      .all()
  } finally {
    database.close()
  }
}

describe('engines in one namespace', () => {
  test('have ports of their own, and the forwarded one goes to one of them', async () => {
    const { server, fleet } = await fleetBehind(4)
    const ports = portsOf(server)
    const all = ports.flatMap(({ http, https, api, p2p }) => [http, https, api, p2p])
    expect(new Set(all).size).toBe(16)
    expect(ports.filter(({ p2p }) => p2p === 51_413)).toHaveLength(1)
    expect(fleet.filter((row) => Reflect.get(row, 'forwarded'))).toHaveLength(1)
  })

  test('have the forwarded ports, one each, if there are several', async () => {
    const { server, fleet } = await fleetBehind(4, {}, {}, { env: { FORWARDED_PORT: '41001,41002' } })
    expect((await vpnOf(server)).nodes).toMatchObject([
      { forwarded_port: 41_001, forwarded_ports: [41_001, 41_002] },
    ])
    const carried = portsOf(server).filter(({ p2p }) => p2p === 41_001 || p2p === 41_002)
    expect(carried).toHaveLength(2)
    expect(fleet.filter((row) => Reflect.get(row, 'forwarded'))).toHaveLength(2)
  })

  test('have the fixed ports of the provider, though the control server knows of none', async () => {
    const gluetun = await vpn.gluetun({
      env: { FORWARDED_PORT: '0', FIREWALL_VPN_INPUT_PORTS: '50000,50001' },
    })
    const server = vpn.server([gluetun], { GLUETUN_FIXED_PORTS: `${gluetun.options.name}:50000,50001` })
    await server.start()
    await untilNode(server, 'up')
    for (let number = 0; number < 3; number++) await mustProvision(server)
    const fleet = await untilReady(server, 3)
    expect(portsOf(server).filter(({ p2p }) => p2p === 50_000 || p2p === 50_001)).toHaveLength(2)
    expect(fleet.filter((row) => Reflect.get(row, 'forwarded'))).toHaveLength(2)
  })
})

describe('a dead tunnel', () => {
  test('is seen by its engines long before Gluetun sees it; a stream that survives goes on', async () => {
    const { gluetun, server, fleet } = await fleetBehind(2)
    const [watched] = fleet as [FleetRow]
    const viewer = await startViewing(server, watched, 'survivor')
    await gluetun.faults({ tunnel_cut: true })
    const down = await untilNode(server, 'down')
    expect(down).toMatchObject({ docker_health: 'healthy', vpn_status: 'running' })
    expect(down.reason).toEndWith('has lost its tunnel: 2 of 2 engines say that they are not connected')
    expect((await refusalOf(server)).code).toBe('vpn_disconnected')
    expect(await server.get('/engines')).toEqual([])

    await gluetun.faults({ tunnel_cut: false })
    const up = await untilNode(server, 'up')
    console.log(
      `tunnel cut: known after ${down.afterMs} ms, provisions again ${up.afterMs} ms after its return`,
    )
    expect(idsOf(await untilReady(server, 2))).toEqual(idsOf(fleet))
    const before = viewer.bytes()
    await until('the stream moves', () => viewer.bytes() > before)
    expect(await streamOf(server, 'survivor')).toMatchObject({ status: 'started' })
    expect(kindsOf(server, 'engine.restarting')).toBe(0)
    viewer.leave()
  })

  test('leaves engines that do not find their connection again; they are restarted, one after another', async () => {
    const { gluetun, server, fleet } = await fleetBehind(3, {}, { STUCK_AFTER_OUTAGE: 'true' })
    await gluetun.faults({ tunnel_cut: true })
    await untilNode(server, 'down')
    await gluetun.faults({ tunnel_cut: false, health: 'unhealthy' })
    await until('Gluetun knows', async () => (await vpnOf(server)).nodes[0]?.docker_health === 'unhealthy')
    await gluetun.faults({ health: null })
    const up = await untilNode(server, 'up')
    await untilConnected(fleet)
    expect(idsOf(await untilReady(server, 3))).toEqual(idsOf(fleet))
    expect(kindsOf(server, 'engine.restarting')).toBe(3)
    console.log(`reconnected: up ${up.afterMs} ms after the return`)
  })
})

describe('Gluetun', () => {
  test('restarted: its engines work in its new namespace, with the same containers', async () => {
    const { gluetun, server, fleet } = await fleetBehind(3)
    const viewer = await startViewing(server, (fleet as [FleetRow])[0], 'cut')
    const startedMs = performance.now()
    await gluetun.restart()
    expect(await connectionAt((fleet as [FleetRow])[0].port)).toBeNull()
    const after = await untilReady(server, 3)
    console.log(`docker restart: all engines back after ${Math.round(performance.now() - startedMs)} ms`)
    expect(idsOf(after).toSorted()).toEqual(idsOf(fleet).toSorted())
    await untilConnected(after)
    expect(await streamOf(server, 'cut')).toMatchObject({ status: 'ended', end_reason: 'vpn_lost' })
    viewer.leave()
  })

  test('made anew: its engines work in its namespace, with their names and ports', async () => {
    const { gluetun, server, fleet } = await fleetBehind(3)
    const startedMs = performance.now()
    await gluetun.recreate()
    const after = await until('the engines are other containers', async () => {
      const rows = await untilReady(server, 3)
      return rows.every(({ container_id }) => !idsOf(fleet).includes(container_id)) && rows
    })
    console.log(`made anew: all engines back after ${Math.round(performance.now() - startedMs)} ms`)
    expect(namesOf(after).toSorted()).toEqual(namesOf(fleet).toSorted())
    await untilConnected(after)
    // A name is never given to two engines.
    const { container_name: name } = await mustProvision(server)
    expect(namesOf(fleet)).not.toContain(name)
  })

  test('crashed and started by its restart policy: the same', async () => {
    const { gluetun, server, fleet } = await fleetBehind(2, {}, {}, { restartPolicy: 'always' })
    await gluetun.faults({ exit: 2 })
    // The restart policy may have restarted Gluetun before it was seen down.
    await until(
      'it was seen not to be up',
      () => kindsOf(server, 'vpn.down') + kindsOf(server, 'vpn.unknown') > 0,
    )
    const after = await untilReady(server, 2)
    expect(idsOf(after).toSorted()).toEqual(idsOf(fleet).toSorted())
    await untilConnected(after)
  })

  test('restarted while the orchestrator was away: seen from what Docker says', async () => {
    const { gluetun, server, fleet } = await fleetBehind(2)
    await server.end('SIGKILL')
    await gluetun.restart()
    await until('it is healthy', async () => (await gluetun.health()) === 'healthy')
    await server.start()
    const after = await untilReady(server, 2)
    expect(idsOf(after).toSorted()).toEqual(idsOf(fleet).toSorted())
    await untilConnected(after)
  })

  test('stopped by its API: down though Docker calls it healthy, and back with it', async () => {
    const { gluetun, server } = await fleetBehind(1)
    await setVpn(gluetun, 'stopped')
    const down = await untilNode(server, 'down')
    expect(down).toMatchObject({ docker_health: 'healthy' })
    expect(down.reason).toMatch(/has its VPN stopp(ed|ing)$|has lost its tunnel/)
    await setVpn(gluetun, 'running')
    await untilNode(server, 'up')
    await mustProvision(server)
  })

  test('that forwards another port each time: no engine is made anew for it, and the status says so', async () => {
    const { gluetun, server, fleet } = await fleetBehind(3)
    await gluetun.faults({ port_change_ms: 1_500 })
    const warning = await until('it is told', async () => {
      const { warnings } = await server.get<{ warnings: { code: string; message: string }[] }>(
        '/orchestrator/status',
      )
      return warnings.find(({ code }) => code === 'forwarded_port_flaps')
    })
    expect(warning.message).toContain('no engine is renewed for it before it has stood for 3 min')
    expect(idsOf(await untilReady(server, 3)).toSorted()).toEqual(idsOf(fleet).toSorted())
    expect(kindsOf(server, 'engine.replacing')).toBe(0)
  })

  test('with another fixed port: the engine that had the earlier port is renewed, and no other', async () => {
    const { gluetun, server, fleet } = await fleetBehind(3)
    await server.end()
    await server.start({ GLUETUN_FIXED_PORTS: `${gluetun.options.name}:40000` })
    const startedMs = performance.now()
    const after = await until('one engine carries the new port, and there are three', async () => {
      // Asked first: the list is to be of a moment at which the new engine was there.
      const isCarried = portsOf(server).some(({ p2p }) => p2p === 40_000)
      const rows = await server.get<FleetRow[]>('/engines?status=all')
      return rows.length === 3 && isCarried && !rows.some(({ status }) => status !== 'ready') && rows
    })
    console.log(
      `port changed: carried by another engine after ${Math.round(performance.now() - startedMs)} ms`,
    )
    const kept = idsOf(after).filter((id) => idsOf(fleet).includes(id))
    expect(kept).toHaveLength(2)
    expect(portsOf(server).filter(({ p2p }) => p2p === 40_000)).toHaveLength(1)
    expect(kindsOf(server, 'engine.restarting')).toBe(0)
  })

  test('is never restarted by us, nor touched', async () => {
    const { gluetun, server } = await fleetBehind(1)
    const startOf = async () =>
      (await vpn.site.docker.client.getContainer(gluetun.id).inspect()).State.StartedAt
    const before = await startOf()
    await gluetun.faults({ health: 'unhealthy' })
    await untilNode(server, 'down')
    await gluetun.faults({ health: null })
    await untilNode(server, 'up')
    const calls = await gluetun.calls()
    expect(Object.keys(calls).filter((route) => !route.startsWith('GET '))).toEqual([])
    expect(await startOf()).toBe(before)
  })
})

describe('every version of Gluetun', () => {
  test.each(ALL_DIALECTS)('%s is understood, with a key', async (dialect) => {
    const role = JSON.stringify({ auth: 'apikey', apikey: 'k-right' })
    const gluetun = await vpn.gluetun({ dialect, env: { HTTP_CONTROL_SERVER_AUTH_DEFAULT_ROLE: role } })
    const server = vpn.server([gluetun], { GLUETUN_API_KEY: 'k-right' })
    await server.start()
    await untilNode(server, 'up')
    await until('all of it was learned', async () => {
      const [node] = (await vpnOf(server)).nodes
      return node?.vpn_status === 'running' && node.forwarded_port === 51_413 && node.control_problem === null
    })
    expect((await mustProvision(server)).host_http_port).toBeGreaterThan(0)
    await server.end()
  })

  test('one that refuses our key says so in words, and is not down for it', async () => {
    const role = JSON.stringify({ auth: 'apikey', apikey: 'k-right' })
    const gluetun = await vpn.gluetun({ env: { HTTP_CONTROL_SERVER_AUTH_DEFAULT_ROLE: role } })
    const server = vpn.server([gluetun], { GLUETUN_API_KEY: 'k-wrong' })
    await server.start()
    await untilNode(server, 'up')
    const problem = await until('it was asked', async () => (await vpnOf(server)).nodes[0]?.control_problem)
    expect(problem).toContain('GLUETUN_API_KEY')
    expect(server.output).not.toContain('k-wrong')
    await mustProvision(server)
  })

  test('one that hangs says so in words, is not down for it, and slows nothing', async () => {
    const { gluetun, server } = await fleetBehind(1)
    await gluetun.faults({ control_hang: true })
    const problem = await until('it was noticed', async () => (await vpnOf(server)).nodes[0]?.control_problem)
    expect(problem).toContain('does not answer')
    expect((await vpnOf(server)).nodes[0]).toMatchObject({ state: 'up' })
    await mustProvision(server)

    // After a restart, the server has never had an answer of the control server. It waits for one answer, and then goes by
    // what Docker says.
    await server.end()
    await server.start()
    const { afterMs } = await untilNode(server, 'up')
    console.log(`hung from the start: up after ${afterMs} ms`)
    expect((await vpnOf(server)).nodes[0]?.control_problem).toContain('does not answer')
    await mustProvision(server)
  })
})

async function setVpn(gluetun: RunningGluetun, status: 'stopped' | 'running'): Promise<void> {
  const answer = await fetch(`${gluetun.controlUrl}/v1/vpn/status`, {
    method: 'PUT',
    body: JSON.stringify({ status }),
    keepalive: false,
  })
  if (!answer.ok) throw new Error(`PUT ${status}: ${answer.status}`)
}
