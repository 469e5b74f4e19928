import { afterEach, describe, expect, test } from 'bun:test'
import type { HealthTarget } from '../../../src/control/health/health-source.ts'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { breakerNamed } from '../../../src/store/breakers.ts'
import { liveEngines, updateEngine } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { leasesIn } from '../../../src/store/leases.ts'
import { figures } from '../../support/builders.ts'
import { Hang } from '../../support/memory-faults.ts'
import { IMAGE, Rig } from '../../support/rig.ts'
import { RigNode } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

/* What happens to engines that are outside the VPN once one is configured. */

interface Row {
  readonly container_id: string
  readonly container_name: string
  readonly port: number
  readonly status: string
  readonly vpn_container: string | null
  readonly listed: boolean
  readonly reason: string | null
}

interface Told {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

const VPN = { GLUETUN_CONTAINER_NAME: 'gluetun', GLUETUN_PORT_RANGE: '19000-19019' }
const OUTSIDE = 'it is outside the VPN'

let rig: Rig
let nodes: RigNode[]
/** Whether engines report that all sessions they are asked about move bytes, or that they know none of them. */
let areMoving: boolean
/** Whether engines report that they have lost their connection. */
let isCutOff: boolean
afterEach(() => rig.dispose())

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  nodes = []
  areMoving = true
  isCutOff = false
  rig = await new Rig({ DRAIN_HIDE_S: '5', ...env }).start()
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

function answer({ engineId, generation, sessions, networkIntervalMs }: HealthTarget, atMs: number): void {
  rig.health.tell({ engineId, generation, ok: true, atMs, error: null })
  if (networkIntervalMs !== null) rig.health.tellNetwork({ engineId, generation, connected: !isCutOff, atMs })
  const said = areMoving
    ? ({ state: 'serves', figures: figures({ downloaded: atMs }) } as const)
    : ({ state: 'ended', figures: null } as const)
  for (const { streamRowId } of sessions)
    rig.health.tellSessions({ engineId, generation, streamRowId, ...said, atMs })
}

/** Creates a running Gluetun that was started long ago. */
async function addNode(name = 'gluetun'): Promise<RigNode> {
  const node = new RigNode(rig, name)
  await node.create()
  await rig.clock.advance(60_000)
  nodes.push(node)
  return node
}

/** Starts `count` ready engines without a VPN, of which the first has a viewer. */
async function before(count: number, body?: unknown): Promise<readonly Row[]> {
  for (let number = 0; number < count; number++) expect((await rig.provision({}, body)).status).toBe(200)
  await pass(2)
  const rows = await all()
  await rig.play(rows[0]?.port ?? 0)
  return rows
}

const all = () => rig.json<Row[]>('GET', '/engines?status=all')
const listed = async () =>
  (await rig.json<Row[]>('GET', '/engines')).map(({ container_name }) => container_name)
const streams = () => rig.json<{ status: string; end_reason: string | null }[]>('GET', '/streams')
const told = async () =>
  (await rig.json<{ warnings: Told[] }>('GET', '/orchestrator/status')).warnings.map(
    ({ code, message }) => `${code}: ${message}`,
  )
const container = (name: string) => rig.runtime.containers().find((each) => each.name === name)
const states = () =>
  rig.runtime
    .containers()
    .filter(({ name }) => name.startsWith('acestream'))
    .map(({ name, state, joins }) => `${name} ${state} ${joins === null ? 'alone' : 'joined'}`)
const kinds = () => newestJournal(rig.temp.store.db, 500).map(({ kind }) => kind)
const entry = (kind: string) => newestJournal(rig.temp.store.db, 500).find((each) => each.kind === kind)
const leave = () =>
  rig.json('POST', '/events/stream_ended', { stream_id: 'key|session', reason: 'completed' })

describe('an engine from before the VPN was configured', () => {
  test('is in no list from the first answer on, and told, while nobody can look at anything', async () => {
    await start()
    await before(2)
    rig.runtime.goDown()
    await rig.restart(VPN)
    expect(await listed()).toEqual([])
    expect((await all()).map(({ reason }) => reason)).toEqual([OUTSIDE, OUTSIDE])
    expect(await told()).toEqual([
      'docker_silent: Docker not reachable: The container engine does not run',
      'engines_outside_vpn: 2 engines (acestream-1, acestream-2) are outside the VPN, in a network of their own: ' +
        'hidden from proxies, stopped, and their streams ended',
    ])
    // Nothing is decided while Docker is away.
    await pass(30)
    expect(await streams()).toMatchObject([{ status: 'started' }])
    rig.runtime.comeUp()
    await pass(2)
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'outside_vpn' }])
  })

  test('is stopped at once, busy or idle, and waits as long as no node is up', async () => {
    await start({ MIN_REPLICAS: '2' })
    await before(2)
    await rig.restart(VPN)
    await pass(1)
    expect(states()).toEqual(['acestream-1 exited alone', 'acestream-2 exited alone'])
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'outside_vpn' }])
    expect(entry('engine.outside_vpn')?.detail).toMatchObject({ rule: 'outside_vpn', reason: OUTSIDE })
    await pass(300)
    await rig.restart(VPN)
    await pass(300)
    expect(states()).toEqual(['acestream-1 exited alone', 'acestream-2 exited alone'])
    expect(await all()).toMatchObject([1, 2].map(() => ({ status: 'ready', listed: false, reason: OUTSIDE })))
    expect(await told()).toEqual([
      expect.stringContaining('engines_outside_vpn: '),
      expect.stringContaining('vpn_not_known: '),
    ])
    for (const kind of ['engine.failed', 'engine.revived', 'engine.gone', 'engine.recreating'])
      expect(kinds()).not.toContain(kind as never)
    expect(kinds().filter((kind) => kind === 'engine.outside_vpn')).toHaveLength(2)
    expect(await rig.json('GET', '/health/status')).toMatchObject({
      circuit_breakers: { general: { state: 'closed', failure_count: 0 } },
    })
  })

  test('is made anew behind a node as soon as one is up, with its id and name', async () => {
    await start()
    await before(2)
    const ids = liveEngines(rig.temp.store.db).map(({ id }) => id)
    await rig.restart(VPN)
    await pass(20)
    const node = await addNode()
    await pass(10)
    expect(liveEngines(rig.temp.store.db)).toMatchObject([
      {
        id: ids[0],
        name: 'acestream-1',
        vpnNode: 'gluetun',
        scope: 'gluetun',
        httpPort: 19_000,
        apiPort: 62_100,
      },
      {
        id: ids[1],
        name: 'acestream-2',
        vpnNode: 'gluetun',
        scope: 'gluetun',
        httpPort: 19_001,
        apiPort: 62_101,
      },
    ])
    expect(container('acestream-1')).toMatchObject({ joins: node.id, ports: [] })
    expect(rig.runtime.containers()).toHaveLength(3)
    expect(await listed()).toHaveLength(2)
    expect(leasesIn(rig.temp.store.db).map(({ scope }) => scope)).toEqual(Array(8).fill('gluetun'))
    expect(await told()).toEqual([])
    expect(rig.logged.filter((line) => line.startsWith('no longer: 2 engines'))).toHaveLength(1)
  })

  test('that is up already takes it within seconds of the start', async () => {
    await start()
    await before(1)
    await addNode()
    await rig.restart(VPN)
    await pass(4)
    expect(await all()).toMatchObject([{ vpn_container: 'gluetun', listed: true, status: 'ready' }])
    expect(entry('engine.recreating')?.detail).toMatchObject({ rule: 'moved_behind_vpn' })
  })

  test('lets a port go that its caller asked for and that no node publishes', async () => {
    await start()
    const [row] = await before(1, { host_port: 25_000 })
    expect(row).toMatchObject({ port: 25_000 })
    await addNode()
    await rig.restart(VPN)
    await pass(4)
    expect(await all()).toMatchObject([{ port: 19_000, vpn_container: 'gluetun', listed: true }])
    expect(liveEngines(rig.temp.store.db)[0]?.request.hostPort).toBeNull()
  })

  test('keeps a port that its caller asked for where the node publishes it', async () => {
    await start()
    await before(1, { host_port: 19_007 })
    await addNode()
    await rig.restart(VPN)
    await pass(4)
    expect(await all()).toMatchObject([{ port: 19_007, vpn_container: 'gluetun', listed: true }])
  })

  test('fails with the reason where no port is left behind the VPN', async () => {
    await start()
    await before(2)
    await addNode()
    await rig.restart({ ...VPN, GLUETUN_PORT_RANGE: '19000-19000' })
    await pass(5)
    expect(await all()).toMatchObject([{ port: 19_000, vpn_container: 'gluetun' }])
    expect(entry('provision.failed')?.detail.reason).toBe('No free port: none is left behind the VPN')
    expect(states()).toEqual(['acestream-1 running joined'])
  })

  test('is stopped again when somebody starts it by hand', async () => {
    await start()
    await before(1)
    await rig.restart(VPN)
    await pass(2)
    rig.runtime.startOutside(container('acestream-1')?.id ?? '')
    await pass(2)
    expect(states()).toEqual(['acestream-1 exited alone'])
    expect(kinds()).not.toContain('engine.failed')
  })

  test('that stopped while we were away is not started again outside', async () => {
    await start()
    await before(1)
    await rig.during(rig.orchestrator.stop())
    rig.runtime.kill(container('acestream-1')?.id ?? '')
    await rig.restart(VPN)
    await pass(30)
    expect(states()).toEqual(['acestream-1 exited alone'])
    expect(kinds()).not.toContain('engine.revived')
    await addNode()
    await pass(10)
    expect(states()).toEqual(['acestream-1 running joined'])
  })

  test('is removed after its stop where it drains', async () => {
    await start()
    await before(1)
    await rig.request('POST', '/engines/acestream-1/drain')
    await rig.restart(VPN)
    await pass(3)
    expect(states()).toEqual([])
    expect(await streams()).toMatchObject([{ end_reason: 'outside_vpn' }])
    expect(entry('engine.removal_requested')?.detail).toMatchObject({ rule: 'outside_vpn' })
  })

  test('has streams that are told while it is stopped, or afterwards, ended for the same reason', async () => {
    await start()
    const [row] = await before(1)
    const hang = new Hang()
    rig.runtime.faults.next('stop', { kind: 'hang', hang })
    await rig.restart(VPN)
    await rig.clock.advance(500)
    await rig.play(row?.port ?? 0, 'key|during')
    hang.release()
    await pass(2)
    await rig.play(row?.port ?? 0, 'key|after')
    await pass(2)
    expect((await streams()).map(({ end_reason }) => end_reason)).toEqual(Array(3).fill('outside_vpn'))
  })

  test('is stopped also where a first attempt fails', async () => {
    await start()
    await before(1)
    rig.runtime.faults.next('stop', { kind: 'lose_question' })
    await rig.restart(VPN)
    await pass(5)
    expect(states()).toEqual(['acestream-1 exited alone'])
    expect(await streams()).toMatchObject([{ end_reason: 'outside_vpn' }])
  })

  test('frees its place where it was the trial of the breaker', async () => {
    await start({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1', CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '1' })
    rig.runtime.faults.next('start', { kind: 'fail_before', failure: refused() })
    await rig.provision()
    await rig.clock.advance(1_500)
    expect((await rig.provision()).status).toBe(200)
    const trial = () => breakerNamed(rig.temp.store.db, 'general').trialEngineId
    expect(trial()).not.toBeNull()
    await rig.restart(VPN)
    await rig.clock.advance(2_000)
    expect(trial()).toBeNull()
  })

  test('is not handed to a caller that waits, nor to one that comes back with its key', async () => {
    await start({ UNCLAIMED_TTL_S: '600' })
    const key = { headers: { 'idempotency-key': 'k' } }
    expect((await rig.provision(key)).status).toBe(200)
    rig.runtime.faults.next('start', { kind: 'delay', ms: 500 })
    const gone = new AbortController()
    const answered = rig.request('POST', '/provision/acestream', {}, { signal: gone.signal })
    await settled()
    gone.abort()
    await rig.during(answered)
    await addNode()
    await rig.restart({ ...VPN, VPN_STRICT: 'false' })
    await pass(2)
    expect(liveEngines(rig.temp.store.db).some(({ unclaimedSince }) => unclaimedSince !== null)).toBe(true)
    for (const init of [{}, key]) {
      const { container_name: name } = (await (await rig.provision(init)).json()) as Row
      expect(container(name)).toMatchObject({ joins: container('gluetun')?.id })
      expect(await listed()).toContain(name)
    }
  })
})

const refused = () => new RuntimeFailure('unrunnable', 'no')

describe('with VPN_STRICT=false, an engine from before the VPN', () => {
  test('plays on, hidden and told, and is replaced behind the VPN when its viewer has left', async () => {
    await start({ MIN_REPLICAS: '1' })
    await before(1)
    await addNode()
    await rig.restart({ ...VPN, VPN_STRICT: 'false' })
    expect(await told()).toEqual([
      'engines_outside_vpn: engine acestream-1 is outside the VPN, in a network of its own: ' +
        'hidden from proxies, and its streams go on (VPN_STRICT=false)',
    ])
    await pass(300)
    expect(states()).toEqual(['acestream-1 running alone'])
    expect(await streams()).toMatchObject([{ status: 'started' }])
    expect(await listed()).toEqual([])
    await leave()
    areMoving = false
    await pass(60)
    expect(states()).toEqual(['acestream-2 running joined'])
    expect(await listed()).toEqual(['acestream-2'])
    expect(await told()).toEqual([])
  })

  test('is kept while no node is up', async () => {
    await start({ MIN_REPLICAS: '1' })
    await before(1)
    await leave()
    await rig.restart({ ...VPN, VPN_STRICT: 'false' })
    areMoving = false
    await pass(200)
    expect(states()).toEqual(['acestream-1 running alone'])
    expect(await all()).toMatchObject([{ status: 'ready', listed: false, reason: OUTSIDE }])
  })

  test('is made anew behind the VPN where it stopped by itself', async () => {
    await start()
    await before(1)
    await addNode()
    await rig.restart({ ...VPN, VPN_STRICT: 'false' })
    await pass(10)
    rig.runtime.kill(container('acestream-1')?.id ?? '')
    await pass(5)
    expect(states()).toEqual(['acestream-1 running joined'])
  })
})

describe('an engine in the network of another container', () => {
  /** Starts one busy and one idle engine behind the Gluetun of this name, and restarts with another configuration. */
  async function behindThen(env: Readonly<Record<string, string>>): Promise<void> {
    await start(VPN)
    await addNode()
    await pass(2)
    await before(2)
    await rig.restart(env)
  }

  test('as by a misspelt name, is hidden and told as soon as the names were looked up, and never cut', async () => {
    await behindThen({ GLUETUN_CONTAINER_NAME: 'gluten' })
    nodes = [new RigNode(rig, 'gluten')]
    await pass(1)
    expect(await listed()).toEqual([])
    expect((await all()).map(({ reason }) => reason)).toEqual([OUTSIDE, OUTSIDE])
    expect(await told()).toEqual([
      "engines_in_other_network: 2 engines (acestream-1, acestream-2) are in the network of container 'gluetun', " +
        'which is no VPN node of the configuration: hidden from proxies, and their streams go on',
    ])
    await pass(600)
    expect(states()).toEqual(['acestream-1 running joined', 'acestream-2 running joined'])
    expect(await streams()).toMatchObject([{ status: 'started' }])
    // Losing the VPN worker makes no engine visible.
    rig.vpn.lose()
    await settled()
    expect(await listed()).toEqual([])
    await rig.restart(VPN)
    nodes = [new RigNode(rig, 'gluetun')]
    await pass(1)
    expect(await listed()).toHaveLength(2)
    expect(await told()).toEqual([])
    expect(await streams()).toMatchObject([{ status: 'started' }])
  })

  test('as behind a second Gluetun, is replaced when idle', async () => {
    await behindThen({ GLUETUN_CONTAINER_NAME: 'second', GLUETUN_PORT_RANGE: '19020-19039' })
    nodes = []
    await addNode('second')
    areMoving = false
    await pass(1)
    const remedies = (await rig.json<{ warnings: Told[] }>('GET', '/orchestrator/status')).warnings
    expect(remedies[0]?.remedy).toContain('GLUETUN_CONTAINER_NAME (now second)')
    areMoving = true
    await pass(120)
    expect((await all()).map(({ container_name, vpn_container }) => [container_name, vpn_container])).toEqual(
      [
        ['acestream-1', 'gluetun'],
        ['acestream-3', 'second'],
      ],
    )
    expect(await listed()).toEqual(['acestream-3'])
    expect(await streams()).toMatchObject([{ status: 'started' }])
    expect(kinds()).not.toContain('engine.outside_vpn')
  })

  test('has failed where it stopped in an outage and that container is gone', async () => {
    await behindThen({
      GLUETUN_CONTAINER_NAME: 'second',
      GLUETUN_PORT_RANGE: '19020-19039',
      MIN_REPLICAS: '1',
    })
    nodes = []
    await addNode('second')
    await pass(2)
    const idOf = (name: string): string => container(name)?.id ?? ''
    const [gone, second] = [idOf('gluetun'), idOf('second')]
    rig.runtime.stopDaemon({ tellsDeaths: false })
    await pass(3)
    rig.runtime.comeUp({ restarts: (id) => id === second })
    rig.runtime.removeOutside(gone)
    await pass(60)
    expect((await all()).map(({ vpn_container }) => vpn_container)).toEqual(['second'])
    expect(kinds()).toContain('engine.failed')
  })

  test('is not stopped on what its row alone says', async () => {
    await behindThen(VPN)
    await pass(1)
    const { store } = rig.temp
    store.transact((tx) => {
      for (const { id } of liveEngines(tx)) updateEngine(tx, id, { vpnNode: null, networkContainerId: null })
    })
    await pass(5)
    expect(states()).toEqual(['acestream-1 running joined', 'acestream-2 running joined'])
    expect(await streams()).toMatchObject([{ status: 'started' }])
    expect(await listed()).toHaveLength(2)
  })

  test('is inside where that is a node under another name', async () => {
    await behindThen(VPN)
    const { db } = rig.temp.store
    for (const { id } of liveEngines(db)) updateEngine(db, id, { vpnNode: 'earlier', scope: 'earlier' })
    await rig.restart(VPN)
    await pass(1)
    expect(liveEngines(db).length).toBe(2)
    expect((await all()).map(({ vpn_container, listed }) => [vpn_container, listed])).toEqual(
      Array(2).fill(['gluetun', true]),
    )
    expect(await told()).toEqual([])
  })
})

describe('a container with a network of its own that somebody made by hand', () => {
  /** While a provision behind the VPN hangs, somebody runs a container with its labels outside the VPN's network. */
  async function replacedByHand(env: Readonly<Record<string, string>> = {}) {
    await start({ ...VPN, ...env })
    const node = await addNode()
    await pass(2)
    rig.runtime.faults.next('create', { kind: 'hang', hang: new Hang() })
    const answered = rig.provision()
    await settled()
    const [row] = liveEngines(rig.temp.store.db)
    if (row === undefined) throw new Error('no row')
    const { name, labels, image } = row
    const spec = { name, image, env: {}, labels, ports: [], publishAddress: '' }
    rig.runtime.startOutside(
      rig.runtime.createOutside({ ...spec, network: null, memoryBytes: null, cpus: null }),
    )
    await answered
    return { node, row, name }
  }

  test('in place of one behind the VPN is stopped, and made anew there', async () => {
    const { node, row, name } = await replacedByHand()
    node.health = 'unhealthy'
    await pass(60)
    expect(states()).toEqual([`${name} exited alone`])
    expect(await listed()).toEqual([])
    expect(await told()).toHaveLength(1)
    node.health = 'healthy'
    await pass(10)
    expect(liveEngines(rig.temp.store.db)).toMatchObject([{ id: row.id, vpnNode: 'gluetun' }])
    expect(states()).toEqual([`${name} running joined`])
    expect(await listed()).toEqual([name])
  })

  test('is stopped also while its node is another one than is known', async () => {
    const { node, name } = await replacedByHand()
    nodes = []
    await node.recreate()
    await pass(60)
    expect(states()).toEqual([`${name} exited alone`])
  })

  test('is none of the node that its row names: that one is not judged by it, nor does it share its fate', async () => {
    const { node, name } = await replacedByHand({ VPN_STRICT: 'false' })
    const rows = () => liveEngines(rig.temp.store.db)
    // Waits until the call to Docker has timed out.
    for (let second = 0; second < 60 && rows()[0]?.status === 'provisioning'; second++) await pass(1)
    await rig.play(rows()[0]?.hostHttpPort ?? 0)
    await pass(5)
    expect(rows()).toMatchObject([{ name, vpnNode: 'gluetun', networkContainerId: null, status: 'ready' }])
    isCutOff = true
    await pass(10)
    expect(await rig.json('GET', '/vpn/status')).toMatchObject({ connected: true })
    await rig.runtime.restartOutside(node.id)
    await pass(30)
    expect(states()).toEqual([`${name} running alone`])
    expect(await streams()).toMatchObject([{ status: 'started' }])
    expect(await told()).toHaveLength(1)
  })

  /** Runs an engine without a row, with a network of its own. */
  function runByHand(): void {
    const labels = { 'test.label': 'a=b', 'acestream.http_port': '19500' }
    const name = 'acestream-by-hand'
    const spec = { name, image: IMAGE, env: {}, labels, ports: [], publishAddress: '' }
    rig.runtime.startOutside(
      rig.runtime.createOutside({ ...spec, network: null, memoryBytes: null, cpus: null }),
    )
  }

  test('with our labels is taken over, hidden and stopped', async () => {
    await start(VPN)
    await pass(1)
    runByHand()
    await pass(2)
    expect(states()).toEqual(['acestream-by-hand exited alone'])
    expect(await listed()).toEqual([])
  })

  test('has no viewers that we do not know of any more once it was made anew', async () => {
    await start({ ...VPN, VPN_STRICT: 'false' })
    await addNode()
    runByHand()
    await pass(2)
    const { db } = rig.temp.store
    expect(liveEngines(db)[0]?.adoptedAt).not.toBeNull()
    rig.runtime.kill(container('acestream-by-hand')?.id ?? '')
    await pass(5)
    expect(states()).toEqual(['acestream-by-hand running joined'])
    expect(liveEngines(db)[0]?.adoptedAt).toBeNull()
  })
})
