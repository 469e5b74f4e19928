import { afterEach, describe, expect, test } from 'bun:test'
import type { HealthTarget } from '../../../src/control/health/health-source.ts'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { liveEngines } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { leasesIn } from '../../../src/store/leases.ts'
import { figures } from '../../support/builders.ts'
import { Rig } from '../../support/rig.ts'
import { RigNode, startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

interface Row {
  readonly container_id: string
  readonly container_name: string
  readonly host: string
  readonly port: number
  readonly status: string
  readonly forwarded: boolean
  readonly vpn_container: string | null
  readonly listed: boolean
  readonly reason: string | null
}

let rig: Rig
let nodes: readonly RigNode[]
let node: RigNode
/** Ports of engines that report that they are not connected. */
let cutOff: Set<number>
/** Whether the sessions that engines are asked about move bytes, or are unknown. */
let areMoving = true
/** Whether the sessions of these engines stand still. */
let areStill = false
afterEach(() => rig.dispose())

async function start(
  env: Record<string, string> = {},
  names: readonly string[] = ['gluetun'],
): Promise<void> {
  const started = await startBehindVpn(names, env)
  rig = started.rig
  nodes = started.nodes
  node = started.nodes[0] as RigNode
  cutOff = new Set()
  areMoving = true
  areStill = false
}

/** Starts with an empty database on existing containers. */
async function startOn(host: Pick<Rig, 'clock' | 'runtime'>): Promise<void> {
  rig = new Rig({ GLUETUN_CONTAINER_NAME: 'gluetun' }, host)
  node = new RigNode(rig, 'gluetun')
  nodes = [node]
  await rig.start()
}

/** Lets time pass while nodes and engines report their state each second. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    for (const each of nodes) each.report()
    for (const target of rig.health.targets) answer(target, rig.clock.now())
    await settled()
  }
}

function answer(target: HealthTarget, atMs: number): void {
  const { engineId, generation, addresses, networkIntervalMs, sessions } = target
  const port = addresses[0]?.port ?? 0
  rig.health.tell({ engineId, generation, ok: true, atMs, error: null })
  if (networkIntervalMs !== null)
    rig.health.tellNetwork({ engineId, generation, connected: !cutOff.has(port), atMs })
  const said = areMoving ? (areStill ? STANDS : SERVES) : ENDED
  for (const { streamRowId } of sessions)
    rig.health.tellSessions({ engineId, generation, streamRowId, ...said(atMs), atMs })
}

const SERVES = (atMs: number) => ({ state: 'serves', figures: figures({ downloaded: atMs }) }) as const
const STANDS = () => ({ state: 'serves', figures: figures({ downloaded: 0 }) }) as const
const ENDED = () => ({ state: 'ended', figures: null }) as const

const all = () => rig.json<Row[]>('GET', '/engines?status=all')
const listed = async () =>
  (await rig.json<Row[]>('GET', '/engines')).map(({ container_name }) => container_name).sort()
const statuses = async () => (await all()).map(({ container_name, status }) => `${container_name} ${status}`)
const streams = () => rig.json<{ status: string; end_reason: string | null }[]>('GET', '/streams')
const warned = async (code: string): Promise<string | undefined> => {
  const { warnings } = await rig.json<{ warnings: { code: string; message: string }[] }>(
    'GET',
    '/orchestrator/status',
  )
  return warnings.find((each) => each.code === code)?.message
}
const container = (name: string) => rig.runtime.containers().find((each) => each.name === name)
const kinds = () => newestJournal(rig.temp.store.db, 500).map(({ kind }) => kind)

/** Starts `count` engines and waits until they are ready. */
async function provision(count: number): Promise<readonly Row[]> {
  for (let number = 0; number < count; number++) expect((await rig.provision()).status).toBe(200)
  await pass(2)
  return all()
}

describe('an engine behind a VPN', () => {
  test('joins the network of the node, publishes nothing, and has ports of its own there', async () => {
    await start()
    await provision(2)
    const [first, second] = liveEngines(rig.temp.store.db)
    expect(first).toMatchObject({
      vpnNode: 'gluetun',
      scope: 'gluetun',
      httpPort: 19_000,
      hostHttpPort: 19_000,
    })
    expect(first).toMatchObject({ httpsPort: 14_000, apiPort: 62_100, p2pPort: 8_700, forwarded: false })
    expect(second).toMatchObject({ httpPort: 19_001, httpsPort: 14_001, apiPort: 62_101, p2pPort: 8_701 })
    expect(container('acestream-1')).toMatchObject({ joins: node.id, ports: [] })
    expect(leasesIn(rig.temp.store.db, 'gluetun')).toHaveLength(8)
    expect(await all()).toMatchObject([
      { host: 'gluetun', port: 19_000, vpn_container: 'gluetun', listed: true },
      { host: 'gluetun', port: 19_001, vpn_container: 'gluetun', listed: true },
    ])
  })

  test('carries the forwarded port when no other one does', async () => {
    await start()
    node.control = { forwardedPorts: [51_413] }
    await pass(1)
    expect((await provision(2)).map(({ forwarded }) => forwarded)).toEqual([true, false])
    expect(liveEngines(rig.temp.store.db)[0]).toMatchObject({ p2pPort: 51_413, forwarded: true })
  })

  test('gets the port that it asks for only from the range of a node', async () => {
    await start()
    const refused = await rig.provision({}, { host_port: 18_000 })
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain('GLUETUN_PORT_RANGE (19000-19019)')
    expect((await rig.provision({}, { host_port: 19_007 })).status).toBe(200)
    expect((await all())[0]).toMatchObject({ port: 19_007 })
  })

  test('is known by its labels alone when the database is lost', async () => {
    await start()
    node.control = { forwardedPorts: [51_413] }
    await pass(1)
    await provision(1)
    const [before] = liveEngines(rig.temp.store.db)
    const { clock, runtime } = rig
    await rig.dispose()
    await startOn({ clock, runtime })
    await pass(2)
    const [after] = liveEngines(rig.temp.store.db)
    const { id, vpnNode, scope, forwarded, httpPort, httpsPort, apiPort, p2pPort } = before ?? {}
    expect(after).toMatchObject({ id, vpnNode, scope, forwarded, httpPort, httpsPort, apiPort, p2pPort })
    expect(leasesIn(rig.temp.store.db, 'gluetun')).toHaveLength(4)
  })
})

test('engines are asked for their connection more often while their VPN is in doubt', async () => {
  await start()
  await provision(1)
  const interval = () => rig.health.targets[0]?.networkIntervalMs
  expect(interval()).toBe(10_000)
  cutOff.add(19_000)
  await pass(1)
  expect(interval()).toBe(2_000)
  cutOff.clear()
  await pass(20)
  expect(interval()).toBe(10_000)
  await rig.runtime.restartOutside(node.id)
  await pass(30)
  expect(interval()).toBe(2_000)
  await pass(60)
  expect(interval()).toBe(10_000)
})

test('a copy of the engine that carries the forwarded port is taken over, and carries none', async () => {
  await start()
  node.control = { forwardedPorts: [51_413] }
  await pass(1)
  await provision(1)
  const { labels = {}, image = '' } = container('acestream-1') ?? {}
  const moved = { ...labels, 'acestream.http_port': '19010', 'host.http_port': '19010' }
  const spec = { name: 'copy', image, env: {}, labels: moved, ports: [], publishAddress: '' }
  const network = `container:${node.id}`
  await rig.runtime.start(await rig.runtime.create({ ...spec, network, memoryBytes: null, cpus: null }))
  await pass(2)
  expect((await all()).map(({ container_name, forwarded }) => [container_name, forwarded])).toEqual([
    ['acestream-1', true],
    ['copy', false],
  ])
})

describe('a VPN that is down', () => {
  test('refuses a provision with the reason, hides its engines, and lets the streams be', async () => {
    await start()
    await provision(1)
    await rig.play(19_000)
    node.health = 'unhealthy'
    await pass(1)
    const refused = await rig.provision()
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('8')
    expect(await refused.json()).toMatchObject({
      detail: "Cannot provision engine: VPN not available - Gluetun VPN container 'gluetun' is not healthy",
      code: 'vpn_disconnected',
      recovery_eta_seconds: 8,
      should_wait: true,
    })
    expect(await rig.json('GET', '/orchestrator/status')).toMatchObject({
      status: 'degraded',
      vpn: { enabled: true, connected: false, health: 'unhealthy', container: 'gluetun' },
      provisioning: {
        can_provision: false,
        blocked_reason: 'VPN not connected',
        blocked_reason_details: { recovery_eta_seconds: 60, should_wait: true },
      },
    })
    expect(await listed()).toEqual([])
    expect((await all())[0]).toMatchObject({ listed: false, reason: 'its VPN node is down' })
    expect(await streams()).toMatchObject([{ status: 'started' }])
    await pass(120)
    expect(await statuses()).toEqual(['acestream-1 ready'])
    expect(await streams()).toMatchObject([{ status: 'started' }])
  })

  test('comes back after the stable time without a hand, and what survived is as it was', async () => {
    await start()
    const [before] = await provision(1)
    await rig.play(19_000)
    areStill = true
    node.health = 'unhealthy'
    await pass(30)
    node.health = 'healthy'
    await pass(4)
    expect(await listed()).toEqual([])
    const early = await rig.provision()
    expect([early.status, Number(early.headers.get('retry-after')) <= 2]).toEqual([503, true])
    await pass(2)
    expect(await listed()).toEqual(['acestream-1'])
    expect((await rig.provision()).status).toBe(200)
    await pass(30)
    expect(container('acestream-1')?.id).toBe(before?.container_id)
    expect(kinds()).not.toContain('engine.restarting')
    expect(await streams()).toMatchObject([{ status: 'started' }])
  })

  test.each([
    [
      'gone',
      () => rig.runtime.removeOutside(node.id),
      "Gluetun VPN container 'gluetun' does not exist",
      'missing',
    ],
    [
      'killed',
      () => rig.runtime.kill(node.id),
      "Gluetun VPN container 'gluetun' is not running (exited)",
      'exited',
    ],
    [
      'stopped by its API',
      () => {
        node.control = { status: 'stopped' }
      },
      "Gluetun VPN container 'gluetun' has its VPN stopped",
      'running',
    ],
  ])('says so when it is %s', async (_, strike, reason, status) => {
    await start()
    strike()
    await pass(1)
    expect(await (await rig.provision()).json()).toMatchObject({
      detail: `Cannot provision engine: VPN not available - ${reason}`,
    })
    expect(await rig.json('GET', '/vpn/status')).toMatchObject({
      enabled: true,
      connected: false,
      status,
      error: reason,
      nodes: [{ container: 'gluetun', state: 'down', reason }],
    })
  })

  test('is found dead by its engines before Gluetun says so', async () => {
    await start()
    await provision(3)
    await pass(5)
    cutOff.add(19_000).add(19_001)
    await pass(3)
    expect(await (await rig.provision()).json()).toMatchObject({
      detail:
        "Cannot provision engine: VPN not available - Gluetun VPN container 'gluetun' has lost its tunnel: " +
        '2 of 3 engines say that they are not connected',
    })
    expect(await rig.json('GET', '/vpn/status')).toMatchObject({
      check_interval_s: 5,
      nodes: [
        {
          docker_health: 'healthy',
          last_port_check: new Date(rig.clock.now()).toISOString(),
          engines_say: { connected: 1, asked: 3, last_heard: new Date(rig.clock.now()).toISOString() },
        },
      ],
    })
    expect(await listed()).toEqual([])
  })

  test('is found dead as soon as its engines have said so, before anything else is done', async () => {
    await start({}, ['one', 'two'])
    await provision(4)
    await pass(5)
    const behind = liveEngines(rig.temp.store.db).filter(({ vpnNode }) => vpnNode === 'two')
    const answers = behind.map(({ id, containerStartedAt }) => ({
      engineId: id,
      generation: containerStartedAt ?? 0,
      connected: false,
      atMs: rig.clock.now(),
    }))
    rig.health.tellNetwork(...answers)
    expect(kinds()).not.toContain('vpn.down')
    rig.health.tellNetwork(...answers)
    expect(newestJournal(rig.temp.store.db, 1)).toMatchObject([{ kind: 'vpn.down', detail: { node: 'two' } }])
  })

  test('is not known while nobody looks at it, its engines stay listed, and one look is enough afterwards', async () => {
    await start()
    await provision(1)
    rig.vpn.lose()
    await settled()
    expect(await listed()).toEqual(['acestream-1'])
    const refused = await rig.provision()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    await pass(1)
    expect((await rig.provision()).status).toBe(200)
  })

  test('is as it was while Docker does not answer', async () => {
    await start()
    await provision(1)
    rig.vpn.tellContainer({
      node: 'gluetun',
      atMs: rig.clock.now(),
      container: null,
      isMissing: false,
      error: 'Docker does not answer',
    })
    expect((await rig.provision()).status).toBe(200)
  })

  test('that goes between the look and the start is the reason, and no fault of engines', async () => {
    await start()
    rig.runtime.kill(node.id)
    const refused = await rig.provision()
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ code: 'vpn_disconnected' })
    expect(await rig.json('GET', '/health/status')).toMatchObject({
      circuit_breakers: { general: { failure_count: 0 } },
    })
    expect(leasesIn(rig.temp.store.db)).toEqual([])
  })
})

describe('after Gluetun was', () => {
  test('restarted, its engines are, with their streams ended and their names kept', async () => {
    await start()
    const before = await provision(3)
    await rig.play(19_000)
    await rig.runtime.restartOutside(node.id)
    node.report()
    await settled()
    expect((await all()).map(({ reason }) => reason)).toEqual(
      Array(3).fill('its VPN node was restarted, and it has not joined it again yet'),
    )
    await pass(8)
    expect(await statuses()).toEqual(['acestream-1 ready', 'acestream-2 ready', 'acestream-3 ready'])
    expect((await all()).map(({ container_id }) => container_id)).toEqual(
      before.map(({ container_id }) => container_id),
    )
    expect(await listed()).toHaveLength(3)
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'vpn_lost' }])
    const { startedAtMs } = container('gluetun') ?? {}
    expect(container('acestream-1')?.startedAtMs).toBeGreaterThan(startedAtMs ?? 0)
  })

  test('made anew, its engines are, in its new network, with their names and ports', async () => {
    await start()
    const before = await provision(3)
    await rig.play(19_000)
    await node.recreate()
    await pass(8)
    const after = await all()
    expect(after.map(({ container_name, port, status }) => [container_name, port, status])).toEqual(
      before.map(({ container_name, port, status }) => [container_name, port, status]),
    )
    expect(after.every(({ container_id }, index) => container_id !== before[index]?.container_id)).toBe(true)
    expect(rig.runtime.containers().filter(({ joins }) => joins === node.id)).toHaveLength(3)
    expect(rig.runtime.containers()).toHaveLength(4)
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'vpn_lost' }])
    expect(leasesIn(rig.temp.store.db)).toHaveLength(12)
  })

  test('made anew with another forwarded port, the engine that carried the earlier one has it', async () => {
    await start()
    node.control = { forwardedPorts: [51_413] }
    await pass(1)
    await provision(2)
    node.control = { forwardedPorts: [40_000] }
    await node.recreate()
    await pass(8)
    expect((await all()).map(({ forwarded }) => forwarded)).toEqual([true, false])
    expect(liveEngines(rig.temp.store.db)[0]).toMatchObject({ p2pPort: 40_000 })
  })

  test('made anew, what is known of the earlier one is nothing to act on', async () => {
    await start()
    await node.recreate()
    // No fact has arrived about the new container, but Docker resolves the node's name to it.
    expect((await rig.provision()).status).toBe(200)
    await rig.clock.advance(2_000)
    expect(kinds()).not.toContain('engine.recreating')
    await pass(10)
    expect(kinds()).not.toContain('engine.recreating')
    expect(await listed()).toEqual(['acestream-1'])
  })

  test('restarted while we were away, it is seen from what Docker says', async () => {
    await start()
    const [before] = await provision(1)
    await rig.during(rig.orchestrator.stop())
    await rig.runtime.restartOutside(node.id)
    await rig.clock.advance(10_000)
    await rig.restart()
    await pass(8)
    expect(await all()).toMatchObject([{ container_id: before?.container_id, status: 'ready', listed: true }])
    expect(kinds()).toContain('engine.restarting')
  })

  test('cut off for a while, engines that have not come back are restarted, one after another', async () => {
    await start()
    await provision(3)
    await pass(5)
    node.health = 'unhealthy'
    for (const port of [19_000, 19_001, 19_002]) cutOff.add(port)
    await pass(30)
    node.health = 'healthy'
    cutOff.delete(19_002)
    await pass(6)
    expect(await listed()).toEqual(['acestream-3'])
    await pass(9)
    expect(kinds()).not.toContain('engine.restarting')
    for (let second = 0; second < 20; second++) {
      await pass(1)
      const coming = rig.runtime.containers().filter(({ name, startedAtMs }) => isFresh(name, startedAtMs))
      for (const { name } of coming) cutOff.delete(name === 'acestream-1' ? 19_000 : 19_001)
      expect((await all()).filter(({ status }) => status === 'starting').length).toBeLessThanOrEqual(1)
    }
    expect(kinds().filter((kind) => kind === 'engine.restarting')).toHaveLength(2)
    expect(await listed()).toEqual(['acestream-1', 'acestream-2', 'acestream-3'])
  })

  test('cut off, an engine is not left behind by what it said itself, whatever its clock says', async () => {
    await start()
    const [one, two] = await provision(2)
    await pass(5)
    const said = (row: Row | undefined, connected: boolean, agoMs: number) => {
      const target = rig.health.targets.find(({ addresses }) => addresses[0]?.port === row?.port)
      const { engineId = '', generation = 0 } = target ?? {}
      rig.health.tellNetwork({ engineId, generation, connected, atMs: rig.clock.now() - agoMs })
    }
    said(two, true, 3_000)
    said(one, true, 0)
    for (const agoMs of [2_000, 1_000]) said(one, false, agoMs)
    for (let second = 0; second < 30; second++) {
      await rig.clock.advance(1_000)
      node.report()
    }
    expect(await listed()).toEqual(['acestream-2'])
    expect(kinds()).not.toContain('engine.restarting')
    // The other engine was connected later, so this one is restarted.
    said(two, true, 0)
    await rig.clock.advance(5_000)
    expect(kinds()).toContain('engine.restarting')
  })

  test('cut off, engines are let alone with VPN_RESTART_ENGINES_ON_RECONNECT=false, and hidden', async () => {
    await start({ VPN_RESTART_ENGINES_ON_RECONNECT: 'false' })
    await provision(1)
    await pass(5)
    node.health = 'unhealthy'
    cutOff.add(19_000)
    await pass(20)
    node.health = 'healthy'
    await pass(60)
    expect(kinds()).not.toContain('engine.restarting')
    expect(await all()).toMatchObject([
      { listed: false, reason: 'it says that it is not connected, though its VPN works' },
    ])
    cutOff.clear()
    await pass(1)
    expect(await listed()).toEqual(['acestream-1'])
  })
})

const isFresh = (name: string, startedAtMs: number | null): boolean =>
  name.startsWith('acestream') && rig.clock.now() - (startedAtMs ?? 0) <= 2_000

describe('a forwarded port that changed', () => {
  test('renews the engine that carried the earlier one, and no other', async () => {
    await start()
    node.control = { forwardedPorts: [51_413] }
    await pass(1)
    const before = await provision(3)
    node.control = { forwardedPorts: [40_000] }
    await pass(1)
    expect((await all()).slice(0, 3).map(({ forwarded }) => forwarded)).toEqual([false, false, false])
    await pass(178)
    expect(await statuses()).toEqual(['acestream-1 ready', 'acestream-2 ready', 'acestream-3 ready'])
    await pass(30)
    const after = await all()
    expect(after.map(({ container_name, forwarded }) => [container_name, forwarded])).toEqual([
      ['acestream-2', false],
      ['acestream-3', false],
      ['acestream-4', true],
    ])
    expect(after[0]?.container_id).toBe(before[1]?.container_id)
    expect(liveEngines(rig.temp.store.db).find(({ forwarded }) => forwarded)?.p2pPort).toBe(40_000)
    const reasonsOf = (kind: string) =>
      newestJournal(rig.temp.store.db, 500).flatMap((each) => (each.kind === kind ? each.detail.reason : []))
    expect(reasonsOf('engine.replacing')).toEqual(['no engine carries a port that is forwarded to its node'])
    expect(reasonsOf('engine.draining')).toEqual(['it was replaced by one for a forwarded port'])
    await pass(120)
    expect(await statuses()).toHaveLength(3)
  })

  test('waits for the stream of that engine', async () => {
    await start()
    node.control = { forwardedPorts: [51_413] }
    await pass(1)
    await provision(1)
    await rig.play(19_000)
    node.control = { forwardedPorts: [40_000] }
    await pass(300)
    expect(await statuses()).toEqual(['acestream-1 ready'])
    await rig.json('POST', '/events/stream_ended', { stream_id: 'key|session', reason: 'completed' })
    areMoving = false
    await pass(60)
    expect(await statuses()).toEqual(['acestream-2 ready'])
    expect((await all())[0]).toMatchObject({ forwarded: true })
  })

  test('that is gone for a while changes nothing', async () => {
    await start()
    node.control = { forwardedPorts: [51_413] }
    await pass(1)
    await provision(1)
    node.control = { forwardedPorts: [] }
    await pass(60)
    expect((await all())[0]).toMatchObject({ forwarded: false })
    node.control = { forwardedPorts: [51_413] }
    await pass(60)
    expect(await all()).toMatchObject([{ container_name: 'acestream-1', forwarded: true }])
  })

  test('that comes only after the engines is given to an idle one of them', async () => {
    await start()
    await provision(2)
    await rig.play(19_000)
    node.control = { forwardedPorts: [51_413] }
    await pass(220)
    expect((await all()).map(({ container_name, forwarded }) => [container_name, forwarded])).toEqual([
      ['acestream-1', false],
      ['acestream-3', true],
    ])
    await pass(120)
    expect(await statuses()).toHaveLength(2)
  })

  test.each([
    [20, 150],
    [45, 301],
    [60, 360],
  ])('every %d s, for %d s, costs no engine, and is told', async (everySeconds, forSeconds) => {
    await start({ MIN_REPLICAS: '3' })
    node.control = { forwardedPorts: [51_413] }
    await pass(5)
    const before = await statuses()
    for (let second = 0; second < forSeconds; second += everySeconds) {
      node.control = { forwardedPorts: [40_000 + second] }
      await pass(everySeconds)
    }
    expect(await statuses()).toEqual(before)
    expect(kinds()).not.toContain('engine.replacing')
    const changes = newestJournal(rig.temp.store.db, 500).filter(({ kind }) => kind === 'vpn.port_changed')
    expect(changes).toHaveLength(Math.ceil(forSeconds / everySeconds))
    // Each entry goes on where the one before it has ended, and the last one has what is true now.
    expect(changes.map(({ detail }) => detail.before)).toEqual([
      ...changes.slice(1).map(({ detail }) => detail.ports),
      [51_413],
    ])
    expect(changes[0]?.detail.ports).toEqual(node.control?.forwardedPorts)
    expect(await warned('forwarded_port_flaps')).toMatch(
      /^the forwarded port of gluetun changed, or went and came back, \d+ times in \d+ min:/,
    )
  })

  test('to none and back every 30 s is told, is carried, and costs one engine', async () => {
    await start({ MIN_REPLICAS: '2' })
    await pass(5)
    for (let change = 0; change < 20; change++) {
      node.control = { forwardedPorts: change % 2 === 0 ? [40_000] : [] }
      await pass(30)
    }
    expect(await warned('forwarded_port_flaps')).toContain('went and came back')
    expect(kinds()).not.toContain('vpn.port_changed')
    expect(kinds().filter((kind) => kind === 'engine.replacing')).toHaveLength(1)
    expect(liveEngines(rig.temp.store.db).map(({ p2pPort }) => p2pPort)).toContain(40_000)
    node.control = { forwardedPorts: [40_000] }
    await pass(5)
    expect((await all()).filter(({ forwarded }) => forwarded)).toHaveLength(1)
  }, 20_000)

  test('often is carried once it has stood still for three minutes, and the warning ends after ten', async () => {
    await start({ MIN_REPLICAS: '3' })
    await pass(5)
    for (const port of [40_000, 40_001, 40_002, 40_003]) {
      node.control = { forwardedPorts: [port] }
      await pass(5)
    }
    expect(await warned('forwarded_port_flaps')).toBeDefined()
    await pass(220)
    expect((await all()).filter(({ forwarded }) => forwarded)).toHaveLength(1)
    expect(kinds().filter((kind) => kind === 'engine.replacing')).toHaveLength(1)
    await pass(400)
    expect(await warned('forwarded_port_flaps')).toBeUndefined()
    expect(await statuses()).toHaveLength(3)
  }, 20_000)

  test('is given at once to an engine that starts anyway, unless it flaps', async () => {
    await start()
    for (const port of [40_000, 40_001]) {
      node.control = { forwardedPorts: [port] }
      await pass(30)
    }
    await provision(1)
    expect(liveEngines(rig.temp.store.db)).toMatchObject([{ p2pPort: 40_001, forwarded: true }])
    for (const port of [40_002, 40_003]) {
      node.control = { forwardedPorts: [port] }
      await pass(30)
    }
    await provision(1)
    expect(liveEngines(rig.temp.store.db)[1]).toMatchObject({ p2pPort: 8_701, forwarded: false })
  })

  test('renews an engine of a node once in ten minutes', async () => {
    await start({ MIN_REPLICAS: '1' })
    await pass(5)
    const renewals = () => kinds().filter((kind) => kind === 'engine.replacing').length
    node.control = { forwardedPorts: [40_000] }
    await pass(220)
    expect(renewals()).toBe(1)
    node.control = { forwardedPorts: [40_001] }
    await pass(520)
    expect(renewals()).toBe(1)
    await pass(120)
    expect(renewals()).toBe(2)
    expect(await all()).toMatchObject([{ forwarded: true }])
  }, 20_000)
})

describe('a forwarded port that something else has', () => {
  const p2pPorts = () => liveEngines(rig.temp.store.db).map(({ p2pPort }) => p2pPort)

  test.each([
    ['the control server', {}, 8_000, 8_000],
    ['the control server at another port', { GLUETUN_API_PORT: '8001' }, 8_001, 8_001],
    ['the health server', {}, 9_999, 9_999],
  ])(
    '%s of Gluetun is given to no engine, and told',
    async (_, env, port, told) => {
      await start(env)
      node.control = { forwardedPorts: [port] }
      await pass(1)
      await provision(2)
      expect(p2pPorts()).toEqual([8_700, 8_701])
      expect(await warned('forwarded_port_unusable')).toBe(
        `port ${told}, which is forwarded to gluetun, is one at which Gluetun itself listens: no engine carries it`,
      )
      await pass(220)
      expect(p2pPorts()).toEqual([8_700, 8_701])
      expect(kinds()).not.toContain('engine.replacing')
      node.control = { forwardedPorts: [port, 40_000] }
      await pass(1)
      await provision(1)
      expect(p2pPorts()).toContain(40_000)
      node.control = { forwardedPorts: [40_000] }
      await pass(5)
      expect(await warned('forwarded_port_unusable')).toBeUndefined()
    },
    20_000,
  )

  test.each([
    ['HTTP', 19_000],
    ['HTTPS', 14_000],
    ['API', 62_100],
  ])(
    'an engine for its %s interface is leased once, told, and carried when that engine is gone',
    async (what, port) => {
      await start({ MIN_REPLICAS: '2' })
      await pass(5)
      node.control = { forwardedPorts: [port] }
      await pass(220)
      expect(await warned('forwarded_port_unusable')).toBe(
        `port ${port}, which is forwarded to gluetun, is the ${what} port of acestream-1: no engine carries it`,
      )
      expect(kinds()).not.toContain('engine.replacing')
      const [first] = await all()
      const { status } = await rig.during(rig.request('DELETE', `/containers/${first?.container_id}`))
      expect(status).toBe(200)
      await pass(30)
      expect(liveEngines(rig.temp.store.db)).toContainEqual(
        expect.objectContaining({ p2pPort: port, forwarded: true }),
      )
      expect(await warned('forwarded_port_unusable')).toBeUndefined()
      const leased = leasesIn(rig.temp.store.db, 'gluetun').map((lease) => lease.port)
      expect(new Set(leased).size).toBe(leased.length)
    },
    20_000,
  )

  test('is not told while ports flap, or of one that an engine carries', async () => {
    await start()
    node.control = { forwardedPorts: [9_000] }
    await pass(1)
    await provision(1)
    expect(p2pPorts()).toEqual([9_000])
    expect(await warned('forwarded_port_unusable')).toBeUndefined()
    for (const port of [9_001, 9_002, 9_003, 8_000]) {
      node.control = { forwardedPorts: [port] }
      await pass(5)
    }
    expect(await warned('forwarded_port_flaps')).toBeDefined()
    expect(await warned('forwarded_port_unusable')).toBeUndefined()
  })
})

describe('several forwarded ports', () => {
  const PORTS = [41_001, 41_002]
  const carried = () =>
    liveEngines(rig.temp.store.db).flatMap(({ p2pPort, forwarded }) => (forwarded ? [p2pPort] : []))

  test('have one carrier each, and the rows and answers say so', async () => {
    await start()
    node.control = { forwardedPorts: PORTS }
    await pass(1)
    expect((await provision(4)).map(({ forwarded }) => forwarded)).toEqual([true, true, false, false])
    expect(liveEngines(rig.temp.store.db).map(({ p2pPort }) => p2pPort)).toEqual([
      41_001, 41_002, 8_702, 8_703,
    ])
    expect(await rig.json('GET', '/vpn/status')).toMatchObject({
      forwarded_port: 41_001,
      forwarded_ports: PORTS,
      nodes: [{ forwarded_port: 41_001, forwarded_ports: PORTS }],
    })
    expect(await rig.json('GET', '/orchestrator/status')).toMatchObject({ vpn: { forwarded_port: 41_001 } })
  })

  test('that come only after the engines are given to two of them, one after the other', async () => {
    await start({ MIN_REPLICAS: '3' })
    await pass(5)
    node.control = { forwardedPorts: PORTS }
    await pass(400)
    expect(carried().toSorted()).toEqual(PORTS)
    expect(await statuses()).toHaveLength(3)
    expect(kinds().filter((kind) => kind === 'engine.replacing')).toHaveLength(2)
  })

  test('of which one changes leave the other where it is', async () => {
    await start()
    node.control = { forwardedPorts: PORTS }
    await pass(1)
    await provision(3)
    node.control = { forwardedPorts: [41_001, 41_009] }
    await pass(1)
    expect((await all()).map(({ forwarded }) => forwarded)).toEqual([true, false, false])
    await pass(240)
    expect(carried()).toEqual([41_001, 41_009])
    expect((await all()).map(({ container_name }) => container_name)).toEqual([
      'acestream-1',
      'acestream-3',
      'acestream-4',
    ])
  })

  test('are kept by their engines when Gluetun is made anew', async () => {
    await start()
    node.control = { forwardedPorts: PORTS }
    await pass(1)
    await provision(3)
    node.control = { forwardedPorts: PORTS.toReversed() }
    await node.recreate()
    await pass(12)
    expect(carried()).toEqual(PORTS)
  })

  test('that are fixed count from the start on, whatever the control server tells', async () => {
    await start({ GLUETUN_FIXED_PORTS: 'gluetun:50000,50001' })
    node.control = { forwardedPorts: [] }
    await pass(1)
    expect((await provision(3)).map(({ forwarded }) => forwarded)).toEqual([true, true, false])
    expect(carried()).toEqual([50_000, 50_001])
    for (const port of [40_000, 40_001, 40_002, 40_003]) {
      node.control = { forwardedPorts: [port] }
      await pass(1)
    }
    expect(carried()).toEqual([50_000, 50_001])
    expect(kinds()).not.toContain('vpn.port_changed')
    expect(await warned('forwarded_port_flaps')).toBeUndefined()
    expect(await rig.json('GET', '/vpn/status')).toMatchObject({
      nodes: [{ forwarded_port: 50_000, forwarded_ports: [50_000, 50_001], no_port_since: null }],
    })
  })

  test('that are fixed are those of their node', async () => {
    await start({ GLUETUN_FIXED_PORTS: 'two:50002,one:50000,50001' }, ['one', 'two'])
    await provision(4)
    expect(liveEngines(rig.temp.store.db).map(({ vpnNode, p2pPort }) => `${vpnNode} ${p2pPort}`)).toEqual([
      'one 50000',
      'two 50002',
      'one 50001',
      'two 8703',
    ])
  })

  test('that become fixed are given to engines when nobody uses them', async () => {
    await start({ MIN_REPLICAS: '2' })
    await pass(5)
    await rig.restart({ GLUETUN_FIXED_PORTS: 'gluetun:50000' })
    await pass(60)
    expect(carried()).toEqual([50_000])
  })

  test('are known by labels alone when the database is lost', async () => {
    await start()
    node.control = { forwardedPorts: PORTS }
    await pass(1)
    await provision(3)
    const { clock, runtime } = rig
    await rig.dispose()
    await startOn({ clock, runtime })
    await pass(2)
    expect(carried()).toEqual(PORTS)
  })
})

describe('no forwarded port', () => {
  const noPortSince = async () =>
    (await rig.json<{ nodes: { no_port_since: string | null }[] }>('GET', '/vpn/status')).nodes[0]
      ?.no_port_since

  test('is told with how long, where Gluetun asks its provider for one', async () => {
    await start()
    node.asksForPort = true
    const sinceMs = rig.clock.now()
    await pass(298)
    expect(await warned('forwarded_port_missing')).toBeUndefined()
    await pass(130)
    expect(await warned('forwarded_port_missing')).toBe(
      'no port has been forwarded to gluetun for 7 min, although its VPN_PORT_FORWARDING is on: ' +
        'no peer connects to its engines by itself',
    )
    expect(await noPortSince()).toBe(new Date(sinceMs).toISOString())
    node.control = { forwardedPorts: [51_413] }
    await pass(15)
    expect(await warned('forwarded_port_missing')).toBeUndefined()
    expect(await noPortSince()).toBeNull()
  }, 20_000)

  test('is told where there was one before, and not where Gluetun was made anew without', async () => {
    await start()
    node.control = { forwardedPorts: [51_413] }
    await pass(1)
    node.control = { forwardedPorts: [] }
    await pass(320)
    expect(await warned('forwarded_port_missing')).toContain('although it had one before')
    await node.recreate()
    await pass(330)
    expect(await warned('forwarded_port_missing')).toBeUndefined()
  }, 20_000)

  test('is told again five minutes after a restart, once it was seen that Gluetun asks for one', async () => {
    await start()
    node.asksForPort = true
    await pass(320)
    expect(await warned('forwarded_port_missing')).toContain(
      'for 5 min, although its VPN_PORT_FORWARDING is on',
    )
    await rig.restart()
    // Only the control server has answered: what Gluetun asks for is not known.
    for (let second = 0; second < 400; second++) {
      await rig.clock.advance(1_000)
      rig.vpn.control('gluetun', rig.clock.now(), {})
    }
    await settled()
    expect(await warned('forwarded_port_missing')).toBeUndefined()
    await pass(290)
    expect(await warned('forwarded_port_missing')).toBeUndefined()
    await pass(30)
    expect(await warned('forwarded_port_missing')).toContain(
      'for 5 min, although its VPN_PORT_FORWARDING is on',
    )
  }, 30_000)

  test('is not told where nothing asks for one, and not of a node that is down', async () => {
    await start({}, ['one', 'two'])
    node.asksForPort = true
    node.health = 'unhealthy'
    await pass(320)
    expect(await warned('forwarded_port_missing')).toBeUndefined()
  }, 20_000)
})

describe('an engine whose answer reached nobody', () => {
  const giveUp = async () => {
    rig.runtime.faults.next('start', { kind: 'delay', ms: 500 })
    const gone = new AbortController()
    const answer = rig.request('POST', '/provision/acestream', {}, { signal: gone.signal })
    await settled()
    gone.abort()
    await rig.during(answer)
    expect(liveEngines(rig.temp.store.db)[0]?.unclaimedSince).not.toBeNull()
  }

  test('is handed to the next call while its VPN is up, and to none while it is down', async () => {
    await start()
    await giveUp()
    await pass(1)
    node.health = 'unhealthy'
    await pass(1)
    expect((await rig.provision()).status).toBe(503)
    node.health = 'healthy'
    await pass(7)
    expect(await (await rig.provision()).json()).toMatchObject({ container_name: 'acestream-1' })
  })

  test('is handed to nobody while its VPN is not known', async () => {
    await start()
    await giveUp()
    await pass(1)
    rig.vpn.lose()
    await settled()
    const refused = await rig.provision()
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'vpn_disconnected' }])
    expect(liveEngines(rig.temp.store.db)[0]?.unclaimedSince).not.toBeNull()
  })

  test('is let be when another node is up, and the call gets one behind that', async () => {
    await start({}, ['one', 'two'])
    await giveUp()
    await pass(1)
    node.health = 'unhealthy'
    await pass(1)
    expect(await (await rig.provision()).json()).toMatchObject({ container_name: 'acestream-2' })
    expect(liveEngines(rig.temp.store.db).map(({ vpnNode }) => vpnNode)).toEqual(['one', 'two'])
  })
})

describe('when the configuration changes', () => {
  test('engines without a VPN are renewed behind it, when idle', async () => {
    await start({ GLUETUN_CONTAINER_NAME: '', MIN_REPLICAS: '1' }, [])
    await pass(2)
    const { clock, runtime } = rig
    const before = rig
    await before.during(before.orchestrator.stop())
    expect(liveEngines(rig.temp.store.db)).toMatchObject([{ vpnNode: null }])
    node = new RigNode(rig, 'gluetun')
    nodes = [node]
    await node.create()
    await clock.advance(60_000)
    await rig.restart({ GLUETUN_CONTAINER_NAME: 'gluetun', GLUETUN_PORT_RANGE: '19000-19019' })
    await pass(40)
    expect(liveEngines(rig.temp.store.db)).toMatchObject([{ vpnNode: 'gluetun', status: 'ready' }])
    expect(runtime.containers()).toHaveLength(2)
  })

  test('engines behind a VPN that is no more in it are renewed without', async () => {
    await start({ MIN_REPLICAS: '1' })
    await pass(2)
    await rig.restart({ GLUETUN_CONTAINER_NAME: '' })
    nodes = []
    await pass(40)
    expect(liveEngines(rig.temp.store.db)).toMatchObject([{ vpnNode: null, status: 'ready' }])
  })
})

describe('with two nodes', () => {
  const two = async (env: Record<string, string> = {}) => start(env, ['one', 'two'])
  const placed = async () => (await all()).map(({ vpn_container }) => vpn_container)

  test('engines are spread, and go to the one that is up', async () => {
    await two()
    await provision(2)
    expect(await placed()).toEqual(['one', 'two'])
    node.health = 'unhealthy'
    await pass(1)
    await provision(2)
    expect(await placed()).toEqual(['one', 'two', 'two', 'two'])
    expect(await listed()).toEqual(['acestream-2', 'acestream-3', 'acestream-4'])
    expect(await rig.json('GET', '/orchestrator/status')).toMatchObject({
      status: 'healthy',
      vpn: { connected: true, container: 'two', nodes: [{ connected: false }, { connected: true }] },
      provisioning: { can_provision: true },
    })
  })

  test('a trial behind one that goes down leaves its place to another behind the other', async () => {
    await two({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1', CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '10' })
    const failure = new RuntimeFailure('unrunnable', 'no')
    rig.runtime.faults.next('start', { kind: 'fail_before', failure })
    expect((await rig.provision()).status).toBe(500)
    await pass(10)
    expect((await rig.provision()).status).toBe(200)
    expect(await placed()).toEqual(['one'])
    expect(await (await rig.provision()).json()).toMatchObject({ code: 'circuit_breaker' })
    node.health = 'unhealthy'
    node.report()
    await settled()
    expect((await rig.provision()).status).toBe(200)
    expect(await placed()).toEqual(['one', 'two'])
  })

  test('a provision is refused when none is left, and both are named', async () => {
    await two()
    for (const each of nodes) each.health = 'unhealthy'
    await pass(1)
    expect(await (await rig.provision()).json()).toMatchObject({
      detail:
        "Cannot provision engine: VPN not available - Gluetun VPN container 'one' is not healthy; " +
        "Gluetun VPN container 'two' is not healthy",
    })
  })

  test('idle engines of a lost node are replaced behind the other, and make room at the cap', async () => {
    await two({ MIN_REPLICAS: '2', MAX_REPLICAS: '2' })
    await pass(2)
    expect(await placed()).toEqual(['one', 'two'])
    await rig.play(19_020)
    node.health = 'unhealthy'
    await pass(30)
    expect(await placed()).toEqual(['two', 'two'])
    expect(await streams()).toMatchObject([{ status: 'started' }])
  })
})
