import { afterEach, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { type ContainerSpec, RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { engineByContainer, liveEngines, updateEngine } from '../../../src/store/engines.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import { leasesIn } from '../../../src/store/leases.ts'
import { IMAGE, LABEL, Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

interface Listed {
  readonly container_id: string
  readonly container_name: string
  readonly port: number
  readonly status: string
  readonly listed: boolean
  readonly reason: string | null
  readonly health_status: string
  readonly labels: Record<string, string>
}

let rig: Rig
const start = async (env: Record<string, string> = {}): Promise<Rig> => {
  rig = await new Rig(env).start()
  return rig
}
afterEach(() => rig.dispose())

const listed = () => rig.json<Listed[]>('GET', '/engines')
const all = () => rig.json<Listed[]>('GET', '/engines?status=all')
const streams = () => rig.json<{ status: string; end_reason: string | null }[]>('GET', '/streams')
/** The published ports that are leased. */
const leases = () => leasesIn(rig.temp.store.db).flatMap(({ kind, port }) => (kind === 'p2p' ? [] : [port]))
const provision = async () =>
  (await rig.provision()).json() as Promise<{ container_id: string; host_http_port: number }>

const play = (port: number, id?: string) => rig.play(port, id)

const spec = (change: Partial<ContainerSpec> = {}): ContainerSpec => ({
  name: 'acestream-7',
  image: IMAGE,
  env: {},
  labels: { [LABEL.key]: LABEL.value },
  ports: [{ containerPort: 19_007, hostPort: 19_007, protocol: 'tcp' }],
  publishAddress: '',
  network: null,
  memoryBytes: null,
  cpus: null,
  ...change,
})

/** A container as the earlier orchestrator created them. */
const legacy = spec({
  labels: {
    [LABEL.key]: LABEL.value,
    'acestream.http_port': '19007',
    'acestream.https_port': '45007',
    'host.http_port': '19007',
  },
})

/** One of many such containers. */
const numbered = (n: number): ContainerSpec => {
  const port = 19_100 + n
  const labels = { ...legacy.labels, 'acestream.http_port': `${port}`, 'host.http_port': `${port}` }
  const ports = [{ containerPort: port, hostPort: port, protocol: 'tcp' as const }]
  return { ...legacy, name: `acestream-${100 + n}`, labels, ports }
}

const runOutside = async (what: ContainerSpec): Promise<string> => {
  const id = await rig.runtime.create(what)
  await rig.runtime.start(id)
  return id
}

describe('events', () => {
  test('a container removed outside is gone at once, with its lease and its streams', async () => {
    await start()
    const { container_id, host_http_port } = await provision()
    await play(host_http_port)
    rig.runtime.removeOutside(container_id)
    await settled()
    expect(await listed()).toEqual([])
    expect(await all()).toEqual([])
    expect(leases()).toEqual([])
    expect(await streams()).toMatchObject([{ status: 'ended' }])
  })

  test('one that dies is hidden, keeps its row, and returns with its next start', async () => {
    await start()
    const { container_id, host_http_port } = await provision()
    await play(host_http_port)
    rig.runtime.kill(container_id)
    await settled()
    expect(await listed()).toEqual([])
    expect(await all()).toMatchObject([
      { container_id, listed: false, reason: 'its container is not running' },
    ])
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'engine_stopped' }])
    expect(leases()).toEqual([host_http_port])
    rig.runtime.startOutside(container_id)
    await settled()
    expect(await listed()).toMatchObject([{ container_id, status: 'starting' }])
  })

  test('a paused one is hidden, its streams stay', async () => {
    await start()
    const { container_id, host_http_port } = await provision()
    await play(host_http_port)
    rig.runtime.pause(container_id)
    await settled()
    expect(await listed()).toEqual([])
    rig.runtime.unpause(container_id)
    await settled()
    expect(await listed()).toHaveLength(1)
    expect(await streams()).toMatchObject([{ status: 'started' }])
  })

  test.each(['killed', 'restarted'] as const)(
    'one that was last seen paused and was %s while nobody listened has lost its streams',
    async (what) => {
      await start()
      const { container_id, host_http_port } = await provision()
      await play(host_http_port)
      await rig.clock.advance(1_000)
      rig.runtime.pause(container_id)
      await settled()
      rig.runtime.deliverAfterMs = () => []
      rig.runtime.unpause(container_id)
      if (what === 'killed') rig.runtime.kill(container_id)
      else await rig.runtime.restartOutside(container_id)
      rig.runtime.breakEvents()
      await rig.clock.advance(1_000)
      expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'docker_outage' }])
    },
  )

  test('a restart makes a ready engine starting again, and ends its streams', async () => {
    await start()
    const { container_id, host_http_port } = await provision()
    await rig.clock.advance(1_000)
    rig.health.report(host_http_port, true, rig.clock.now())
    await settled()
    expect(await listed()).toMatchObject([{ status: 'ready', health_status: 'healthy' }])
    await play(host_http_port)
    await rig.clock.advance(1_000)
    await rig.runtime.restartOutside(container_id)
    await settled()
    expect(await listed()).toMatchObject([{ status: 'starting', health_status: 'unknown' }])
    expect(await streams()).toMatchObject([{ status: 'ended' }])
  })

  test('a restart that is noticed late leaves the streams of the new process alone', async () => {
    await start()
    const { container_id, host_http_port } = await provision()
    await play(host_http_port, 'before')
    await rig.clock.advance(1_000)
    rig.runtime.deliverAfterMs = () => []
    await rig.runtime.restartOutside(container_id)
    await rig.clock.advance(1_000)
    await play(host_http_port, 'after')
    rig.runtime.breakEvents()
    await rig.clock.advance(1_000)
    expect(await streams()).toMatchObject([
      { id: 'before', status: 'ended' },
      { id: 'after', status: 'started' },
    ])
  })

  test('a die event that comes late, after the next start, ends nothing', async () => {
    await start()
    const { container_id, host_http_port } = await provision()
    await rig.clock.advance(1_000)
    rig.runtime.deliverAfterMs = ({ action }) => (action === 'die' ? [2_000] : [0])
    await rig.runtime.restartOutside(container_id)
    await rig.clock.advance(1_000)
    await play(host_http_port)
    await rig.clock.advance(3_000)
    expect(await streams()).toMatchObject([{ status: 'started' }])
    expect(await listed()).toHaveLength(1)
  })

  test('a die event that comes late hides nothing while it is looked into', async () => {
    await start()
    const { container_id } = await provision()
    await rig.clock.advance(1_000)
    rig.runtime.deliverAfterMs = ({ action }) => (action === 'die' ? [2_000] : [0])
    await rig.runtime.restartOutside(container_id)
    await rig.clock.advance(1_000)
    rig.runtime.latencyMs = (verb) => (verb === 'inspect' ? 500 : 0)
    await rig.clock.advance(1_100)
    expect(await listed()).toHaveLength(1)
  })

  test('an event that proves wrong hides the engine only until it was looked at', async () => {
    await start()
    const { container_id } = await provision()
    await rig.clock.advance(1_000)
    rig.runtime.latencyMs = (verb) => (verb === 'inspect' ? 100 : 0)
    // Docker reports a pause that is already over when the container is inspected.
    rig.runtime.deliverAfterMs = ({ action }) => (action === 'pause' ? [50] : [])
    rig.runtime.pause(container_id)
    rig.runtime.unpause(container_id)
    await rig.clock.advance(60)
    expect(await listed()).toEqual([])
    await rig.clock.advance(200)
    expect(await listed()).toHaveLength(1)
  })

  test('an observation that an event overtook is not believed', async () => {
    await start()
    const { container_id } = await provision()
    await rig.clock.advance(1_000)
    rig.runtime.latencyMs = (verb) => (verb === 'inspect' ? 1_000 : 0)
    // A look begins and sees the container run after half a second. Its answer arrives half a second later.
    rig.runtime.pause(container_id)
    rig.runtime.unpause(container_id)
    await rig.clock.advance(700)
    rig.runtime.kill(container_id)
    await rig.clock.advance(400)
    expect(await listed()).toEqual([])
    await rig.clock.advance(2_000)
    expect(await all()).toMatchObject([{ listed: false, reason: 'its container is not running' }])
  })

  test('an observation of a container that was removed meanwhile is not believed', async () => {
    await start()
    rig.runtime.deliverAfterMs = () => []
    const stranger = await runOutside(legacy)
    rig.runtime.deliverAfterMs = () => [0]
    rig.runtime.latencyMs = (verb) => (verb === 'inspect' ? 1_000 : 0)
    // The full pass sees the container run after half a second. Its answer arrives half a second later.
    const pass = rig.request('POST', '/gc')
    await rig.clock.advance(700)
    rig.runtime.removeOutside(stranger)
    await rig.during(pass)
    expect(rig.runtime.containers()).toEqual([])
    expect(newestJournal(rig.temp.store.db, 10)).toEqual([])
  })

  test('a full pass after a gap that fails is made up for by one as thorough', async () => {
    await start()
    const { container_id, host_http_port } = await provision()
    await play(host_http_port)
    await rig.clock.advance(1_000)
    rig.runtime.deliverAfterMs = () => []
    await rig.runtime.restartOutside(container_id)
    rig.runtime.faults.next('list', {
      kind: 'fail_before',
      failure: new RuntimeFailure('refused', 'not now'),
    })
    rig.runtime.breakEvents()
    await rig.clock.advance(3_000)
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'docker_outage' }])
  })

  test('what happened in a gap of the stream is found by the full pass after it', async () => {
    await start()
    const gone = await provision()
    const restarted = await provision()
    await play(restarted.host_http_port)
    await rig.clock.advance(1_000)
    rig.runtime.deliverAfterMs = () => []
    rig.runtime.removeOutside(gone.container_id)
    await rig.runtime.restartOutside(restarted.container_id)
    await settled()
    expect(await listed()).toHaveLength(2)
    rig.runtime.breakEvents()
    await rig.clock.advance(1_000)
    expect(await listed()).toMatchObject([{ container_id: restarted.container_id }])
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'docker_outage' }])
  })
})

describe('a restart of the orchestrator', () => {
  test('keeps engines, ports and started streams', async () => {
    await start()
    const first = await provision()
    await provision()
    await play(first.host_http_port)
    const before = {
      all: (await all()).map(({ container_id, port }) => ({ container_id, port })),
      leases: leases(),
    }
    await rig.restart()
    expect((await all()).map(({ container_id, port }) => ({ container_id, port }))).toEqual(before.all)
    expect(leases()).toEqual(before.leases)
    expect(await streams()).toMatchObject([{ status: 'started' }])
    expect(rig.runtime.containers()).toHaveLength(2)
  })

  test('finds what died or went away meanwhile', async () => {
    await start()
    const gone = await provision()
    const dead = await provision()
    await play(dead.host_http_port)
    await rig.orchestrator.stop()
    rig.runtime.removeOutside(gone.container_id)
    rig.runtime.kill(dead.container_id)
    await rig.restart()
    expect(await all()).toMatchObject([{ container_id: dead.container_id, listed: false }])
    expect(await streams()).toMatchObject([{ status: 'ended', end_reason: 'engine_stopped' }])
    expect(leases()).toEqual([dead.host_http_port])
  })

  test('answers at once while Docker is away, and is ready only when the engines are known', async () => {
    await start()
    await provision()
    rig.runtime.goDown()
    await rig.restart()
    expect((await rig.request('GET', '/readyz')).status).toBe(503)
    expect((await rig.request('GET', '/healthz')).status).toBe(200)
    expect(await listed()).toHaveLength(1)
    rig.runtime.comeUp()
    await rig.clock.advance(6_000)
    expect((await rig.request('GET', '/readyz')).status).toBe(200)
    expect(await listed()).toHaveLength(1)
  })
})

describe('adoption', () => {
  test("takes over the earlier orchestrator's running engines, port and all", async () => {
    rig = new Rig()
    const id = await runOutside(legacy)
    await rig.start()
    expect(await listed()).toMatchObject([
      { container_id: id, container_name: 'acestream-7', port: 19_007, status: 'starting', listed: true },
    ])
    expect(leases()).toEqual([19_007])
    expect(rig.logged.join('\n')).toContain('reindex')
    // Names continue above the adopted one.
    expect(await (await rig.provision()).json()).toMatchObject({ container_name: 'acestream-8' })
  })

  test('rebuilds the engines of a lost database from their labels', async () => {
    await start()
    const { container_id, host_http_port } = await provision()
    const [before] = rig.health.targets
    const old = rig
    await old.orchestrator.stop()
    rig = await new Rig({}, old).start()
    old.temp.dispose()
    expect(await listed()).toMatchObject([{ container_id, port: host_http_port, status: 'starting' }])
    expect(leases()).toEqual([host_http_port])
    // The label gives the engine its old id back, and with it the id under which it is probed.
    expect(rig.health.targets).toEqual(before === undefined ? [] : [before])
  })

  test('happens above MAX_REPLICAS too, and counts', async () => {
    rig = new Rig({ MAX_REPLICAS: '1' })
    await runOutside(legacy)
    const other = { ...legacy.labels, 'acestream.http_port': '19008', 'host.http_port': '19008' }
    const ports = [{ containerPort: 19_008, hostPort: 19_008, protocol: 'tcp' as const }]
    await runOutside({ ...legacy, name: 'acestream-8', labels: other, ports })
    await rig.start()
    expect(await listed()).toHaveLength(2)
    expect((await rig.provision()).status).toBe(503)
  })

  test('of many engines shares its commits', async () => {
    rig = new Rig()
    const ENGINES = 24
    for (let n = 0; n < ENGINES; n++) await runOutside(numbered(n))
    let commits = 0
    rig.temp.store.onCommit(() => commits++)
    await rig.start()
    expect(await listed()).toHaveLength(ENGINES)
    expect(leases()).toHaveLength(ENGINES)
    expect(commits).toBeLessThan(ENGINES / 2)
  })

  test('notes all that a look finds, so that the next start has nothing to write', async () => {
    rig = new Rig()
    await runOutside(legacy)
    await rig.start()
    const rows = () => liveEngines(rig.temp.store.db)
    const before = rows()
    await rig.restart()
    expect(rows()).toEqual(before)
  })

  test('counts no restart of the time before', async () => {
    rig = new Rig()
    const id = await runOutside(legacy)
    for (let n = 0; n < 5; n++) {
      rig.runtime.crash(id)
      await rig.clock.advance(11_000)
    }
    await rig.start()
    await rig.restart()
    expect(liveEngines(rig.temp.store.db)).toMatchObject([{ containerId: id, restartsAt: [] }])
  })

  test('of one engine that cannot be written leaves the others to be adopted', async () => {
    rig = new Rig()
    for (let n = 0; n < 6; n++) await runOutside(numbered(n))
    // As a row that breaks a rule of the tables.
    const name = sql.raw("'acestream-102'")
    rig.temp.store.transact((tx) =>
      tx.run(
        sql`CREATE TRIGGER refuse BEFORE INSERT ON engines WHEN new.name = ${name} BEGIN SELECT RAISE(ABORT, 'no'); END`,
      ),
    )
    await rig.start()
    expect((await listed()).map(({ container_name }) => container_name).toSorted()).toEqual(
      [0, 1, 3, 4, 5].map((n) => `acestream-10${n}`),
    )
  })

  test('leaves alone what is not an engine and what is not ours', async () => {
    rig = new Rig()
    const foreign = await runOutside(spec({ name: 'foreign', labels: { 'acestream.http_port': '19007' } }))
    const ports = [{ containerPort: 80, hostPort: 8_080, protocol: 'tcp' as const }]
    const generic = await runOutside(spec({ name: 'svc-1', ports }))
    await rig.start()
    expect(await all()).toEqual([])
    expect(rig.runtime.containers().map(({ id }) => id)).toEqual([foreign, generic])
    for (const method of ['GET', 'DELETE']) {
      const refused = await rig.request(method, `/containers/${foreign}`)
      expect(refused.status).toBe(404)
      // The answer is the same as for a container that does not exist.
      expect(await refused.json()).toEqual(await rig.json(method, '/containers/none'))
    }
    expect(rig.runtime.containers()).toHaveLength(2)
    const seen = await rig.json<{ id: string }[]>('GET', '/by-label?key=test.label&value=a%3Db')
    expect(seen.map(({ id }) => id)).toEqual([generic])
  })

  test('reaps what was created a minute ago and never started', async () => {
    rig = new Rig()
    await rig.runtime.create(legacy)
    await rig.clock.advance(60_000)
    await rig.start()
    expect(rig.runtime.containers()).toEqual([])
    expect(await all()).toEqual([])
  })

  test('gives a copy of a live engine, made by somebody with its labels, a row of its own', async () => {
    await start()
    await provision()
    const [made] = rig.runtime.containers()
    await runOutside(spec({ labels: made?.labels ?? {} }))
    await settled()
    expect(await all()).toHaveLength(2)
    expect(rig.runtime.containers()).toHaveLength(2)
  })
})

describe('deletion', () => {
  test('is at once, by id, short id or name, and ends the streams', async () => {
    await start()
    for (const pick of [
      ({ container_id }: Listed) => container_id,
      ({ container_id }: Listed) => container_id.slice(0, 12),
      ({ container_name }: Listed) => container_name,
    ]) {
      const { host_http_port } = await provision()
      await play(host_http_port, `stream-${host_http_port}`)
      const [engine] = await listed()
      if (engine === undefined) throw new Error('nothing listed')
      const answer = await rig.during(rig.request('DELETE', `/containers/${pick(engine)}`))
      expect(await answer.json()).toEqual({ deleted: engine.container_id })
      expect(await all()).toEqual([])
      expect(leases()).toEqual([])
      expect(rig.runtime.containers()).toEqual([])
    }
    expect((await streams()).map(({ end_reason }) => end_reason)).toEqual(Array(3).fill('engine_deleted'))
  })

  test('hides the engine before Docker has answered, and is finished by a later pass when Docker fails', async () => {
    await start()
    const { container_id } = await provision()
    rig.runtime.faults.next('destroy', { kind: 'lose_question' })
    const answer = await rig.during(rig.request('DELETE', `/containers/${container_id}`))
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ detail: { code: 'runtime_unavailable' } })
    expect(await listed()).toEqual([])
    expect(await all()).toMatchObject([{ status: 'draining', reason: 'it is being removed' }])
    await rig.clock.advance(11_000)
    expect(await all()).toEqual([])
    expect(rig.runtime.containers()).toEqual([])
  })

  test('twice at the same time removes once and answers both', async () => {
    await start()
    const { container_id } = await provision()
    const path = `/containers/${container_id}`
    const answers = await rig.during(Promise.all([rig.request('DELETE', path), rig.request('DELETE', path)]))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect((await rig.request('DELETE', path)).status).toBe(404)
  })

  test('of an engine that is still being provisioned waits for the start and removes it then', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    const provisioning = rig.provision()
    await hang.reached
    const [engine] = await all()
    const deletion = rig.request('DELETE', `/containers/${engine?.container_name}`)
    hang.release()
    const [provisioned] = await rig.during(Promise.all([provisioning, deletion]))
    // A 200 would promise an engine that does not exist.
    expect(provisioned.status).toBe(500)
    expect(rig.runtime.containers()).toEqual([])
    expect(await all()).toEqual([])
    expect(leases()).toEqual([])
  })

  test('of an engine whose start ends without an answer is answered, and nothing of it is left', async () => {
    await start()
    const hang = rig.runtime.faults.hang('start')
    const provisioning = rig.provision()
    await hang.reached
    const [engine] = await all()
    // Docker does not answer until the deadline of the start. The container is removed afterwards.
    const deletion = rig.request('DELETE', `/containers/${engine?.container_name}`)
    await rig.clock.advance(120_000)
    hang.release()
    expect((await rig.during(deletion)).status).toBe(200)
    expect((await rig.during(provisioning)).status).toBe(503)
    await rig.clock.advance(120_000)
    expect(rig.runtime.containers()).toEqual([])
    expect(await all()).toEqual([])
    expect(leases()).toEqual([])
  })
})

describe('health', () => {
  test('the first good answer makes an engine ready, failures up to the threshold change nothing', async () => {
    await start({ HEALTH_FAILURE_THRESHOLD: '3' })
    const { host_http_port: port } = await provision()
    const report = async (ok: boolean): Promise<Listed | undefined> => {
      await rig.clock.advance(1_000)
      rig.health.report(port, ok, rig.clock.now())
      await settled()
      return (await all())[0]
    }
    expect(await report(true)).toMatchObject({ status: 'ready', health_status: 'healthy' })
    await report(false)
    expect(await report(false)).toMatchObject({ health_status: 'healthy', listed: true })
    expect(await report(false)).toMatchObject({ health_status: 'unhealthy', listed: false })
    await report(true)
    expect(await report(true)).toMatchObject({ health_status: 'unhealthy', listed: false })
    expect(await report(true)).toMatchObject({ health_status: 'healthy' })
    // The engine had begun to drain because it was not needed. It is back in service as soon as it answers.
    await rig.clock.advance(1_000)
    expect(await all()).toMatchObject([{ status: 'ready', listed: true }])
  })

  test('first answers that come together make their engines ready in one commit', async () => {
    await start()
    const engines = [await provision(), await provision(), await provision()]
    let commits = 0
    rig.temp.store.onCommit(() => commits++)
    for (const { host_http_port } of engines) rig.health.report(host_http_port, true, rig.clock.now())
    await settled()
    expect(commits).toBe(1)
    expect((await listed()).map(({ status }) => status)).toEqual(['ready', 'ready', 'ready'])
  })

  test('an engine that was started anew since its first answer is not ready', async () => {
    await start()
    const { container_id, host_http_port } = await provision()
    rig.health.report(host_http_port, true, rig.clock.now())
    // Between the answer and the task in which it is written.
    const row = engineByContainer(rig.temp.store.db, container_id)
    rig.temp.store.transact((tx) =>
      updateEngine(tx, row?.id ?? '', { containerStartedAt: rig.clock.now() + 1 }),
    )
    await settled()
    expect(await listed()).toMatchObject([{ status: 'starting' }])
  })

  test('a probe of an earlier start of the container does not count', async () => {
    await start()
    const { container_id } = await provision()
    await rig.clock.advance(1_000)
    const [old] = rig.health.targets
    if (old === undefined) throw new Error('nothing is probed')
    await rig.runtime.restartOutside(container_id)
    await settled()
    rig.health.tell({
      engineId: old.engineId,
      generation: old.generation,
      ok: true,
      atMs: rig.clock.now(),
      error: null,
    })
    expect(await listed()).toMatchObject([{ status: 'starting', health_status: 'unknown' }])
  })

  test('without its worker every verdict is unknown, and engines stay listed', async () => {
    await start()
    const { host_http_port } = await provision()
    await rig.clock.advance(1_000)
    rig.health.report(host_http_port, true, rig.clock.now())
    await settled()
    rig.health.lose()
    expect(await listed()).toMatchObject([{ status: 'ready', health_status: 'unknown', listed: true }])
  })

  test('a verdict that nobody renewed turns unknown', async () => {
    await start({ HEALTH_CHECK_INTERVAL_S: '20' })
    const { host_http_port } = await provision()
    await rig.clock.advance(1_000)
    rig.health.report(host_http_port, true, rig.clock.now())
    await settled()
    await rig.clock.advance(50_000)
    expect(await listed()).toMatchObject([{ health_status: 'healthy' }])
    await rig.clock.advance(25_000)
    expect(await listed()).toMatchObject([{ health_status: 'unknown' }])
  })

  test('healthy engines come first, and equals take turns', async () => {
    await start()
    const engines = [await provision(), await provision(), await provision()]
    await rig.clock.advance(1_000)
    for (const { host_http_port } of engines.slice(1))
      rig.health.report(host_http_port, true, rig.clock.now())
    await settled()
    const firsts = new Set<string | undefined>()
    for (let call = 0; call < 4; call++) {
      const order = (await listed()).map(({ container_id }) => container_id)
      expect(order[2]).toBe(engines[0]?.container_id ?? '')
      firsts.add(order[0])
    }
    expect(firsts.size).toBe(2)
  })
})

describe('an engine that never answers', () => {
  test('has failed after STARTUP_TIMEOUT_S: its container is removed, its port free, and the breaker counts it', async () => {
    await start({ STARTUP_TIMEOUT_S: '30', CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1' })
    // The event of the removal arrives before the answer, as with Docker.
    rig.runtime.latencyMs = (verb) => (verb === 'destroy' ? 100 : 0)
    await provision()
    await rig.clock.advance(29_000)
    expect(await all()).toHaveLength(1)
    await rig.clock.advance(15_000)
    expect(await all()).toEqual([])
    expect(rig.runtime.containers()).toEqual([])
    expect(leases()).toEqual([])
    expect(await rig.json('GET', '/orchestrator/status')).toMatchObject({
      provisioning: { can_provision: false, blocked_reason: 'Circuit breaker is open' },
    })
  })

  test('but serves a stream is left alone', async () => {
    await start({ STARTUP_TIMEOUT_S: '30' })
    const { host_http_port } = await provision()
    await play(host_http_port)
    await rig.clock.advance(60_000)
    expect(await listed()).toHaveLength(1)
  })

  test('but was adopted may have viewers that nobody told us of, and is left alone', async () => {
    rig = new Rig({ STARTUP_TIMEOUT_S: '30' })
    await runOutside(legacy)
    await rig.start()
    await rig.clock.advance(60_000)
    expect(await listed()).toHaveLength(1)
  })
})

describe('generic containers', () => {
  test('are started, shown and removed, and are no engines', async () => {
    await start()
    const body = { env: { A: 'b' }, ports: { '80/tcp': 8_080 }, name_prefix: 'web' }
    const made = await rig.json<{ container_id: string; container_name: string }>('POST', '/provision', body)
    expect(made.container_name).toStartWith('web-')
    expect(await all()).toEqual([])
    expect(await rig.json('GET', `/containers/${made.container_id}`)).toMatchObject({
      status: 'running',
      ports: [{ container_port: 80, host_port: 8_080, protocol: 'tcp' }],
    })
    expect((await rig.request('DELETE', `/containers/${made.container_name}`)).status).toBe(200)
    expect(rig.runtime.containers()).toEqual([])
  })

  test('a start that fails leaves nothing', async () => {
    await start()
    rig.runtime.takePort(8_080)
    expect((await rig.request('POST', '/provision', { ports: { '80': 8_080 } })).status).toBe(500)
    expect(rig.runtime.containers()).toEqual([])
  })
})
