import { describe, expect, test } from 'bun:test'
import { ChaosTools } from './chaos-tools.ts'
import { OwnerChaos } from './owner-chaos.ts'
import { seeded } from './random.ts'
import { IMAGE } from './scenario.ts'
import { samplesFaults } from './table-bounds.ts'
import { drawVpn } from './vpn-scenario.ts'
import { World } from './world.ts'

/** A world whose orchestrator keeps two engines, and in which nothing goes wrong except what the test does. */
async function calmWorld(): Promise<World> {
  const world = new World(1, null)
  world.startServer({ ...world.scenario.env, MIN_REPLICAS: '2', MAX_REPLICAS: '4', AUTO_DELETE: 'false' })
  await pass(world, 30_000)
  return world
}

const WITHOUT_VPN = {
  MIN_REPLICAS: '2',
  MAX_REPLICAS: '4',
  AUTO_DELETE: 'false',
  PORT_RANGE_HOST: '29000-29199',
}

/** A world with Gluetun on its host, whose two engines are older than its configuration. Then another life begins. */
async function switchedWorld(strict: 'true' | 'false'): Promise<World> {
  const vpn = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => drawVpn(seeded(seed), 4)).find((each) => each !== null)
  if (!vpn) throw new Error('none of the seeds has a VPN')
  const world = new World(1, null, (scenario) => ({ ...scenario, vpn: vpn.host }))
  const env = { ...world.scenario.env, ...vpn.env, ...WITHOUT_VPN, VPN_STRICT: strict }
  world.startServer({ ...env, GLUETUN_CONTAINER_NAME: '' })
  await pass(world, 30_000)
  watch(world)
  await pass(world, 60_000)
  world.server.running?.life.die()
  world.startServer(env)
  return world
}

/** Starts a viewer on the first engine, whose proxy has reported the stream. */
function watch(world: World): void {
  const process = world.host.process(firstEngine(world))
  const session = process?.open('content', 'session')
  process?.change(() => {
    if (session !== undefined) Object.assign(session, { readers: 1, isReported: true })
  })
}

async function pass(world: World, ms: number): Promise<void> {
  const untilMs = world.clock.now() + ms
  while (await world.clock.step(untilMs)) world.host.look()
}

const firstEngine = (world: World): string => world.books.live()[0]?.container_id ?? ''

/** Starts a viewer on the first engine and reports the stream. */
async function startedStream(world: World): Promise<string> {
  const [engine] = world.books.live()
  const process = world.host.process(engine?.container_id ?? '')
  const session = process?.open('content', 'session')
  process?.change(() => {
    if (session !== undefined) Object.assign(session, { readers: 1, isReported: true })
  })
  const url = `http://localhost:${engine?.host_http_port}/ace/stat/content/session`
  const body = {
    engine: { host: 'localhost', port: engine?.host_http_port },
    stream: { key_type: 'content_id', key: 'content' },
    session: { playback_session_id: 'session', stat_url: url, command_url: url, is_live: 1 },
  }
  const told = world.http.ask({ method: 'POST', path: '/events/stream_started', body })
  await pass(world, 40_000)
  expect((await told)?.status).toBe(200)
  return 'content|session'
}

test('a killed proxy: the engine forgets its session after a minute, and then the stream ends and the engine is free', async () => {
  const world = await calmWorld()
  const streamId = await startedStream(world)
  const { books, host, clock, server } = world
  const engineId = books.newestStream(streamId)?.engine_id ?? ''
  const process = host.process(books.byId(engineId)?.container_id ?? '')
  process?.change(() => {
    for (const session of process.sessions()) session.readers = 0
  })
  const killedMs = clock.now()
  const collectMs = (server.running?.config.COLLECT_INTERVAL_S ?? 0) * 1_000
  await pass(world, 59_000)
  expect(books.streamsOf(engineId)).toBe(1)
  await pass(world, 1_000 + 4 * collectMs)
  expect(books.streamsOf(engineId)).toBe(0)
  expect(books.newestStream(streamId)).toMatchObject({ status: 'ended', end_reason: 'session_unknown' })
  expect(books.newestStream(streamId)?.ended_at).toBeGreaterThan(killedMs + 60_000)
  expect(world.violations).toEqual([])
  server.running?.life.die()
})

describe('the checks see', () => {
  test('nothing wrong in a calm world, and its engines', async () => {
    const world = await calmWorld()
    await world.promises.check()
    expect(world.violations).toEqual([])
    expect(world.books.live().map(({ status }) => status)).toEqual(['ready', 'ready'])
    world.server.running?.life.die()
  })

  test('a watched engine that is removed', async () => {
    const world = await calmWorld()
    const id = firstEngine(world)
    const process = world.host.process(id)
    const session = process?.open('content', 'session')
    process?.change(() => {
      if (session !== undefined) Object.assign(session, { readers: 1, isReported: true })
    })
    await pass(world, 60_000)
    world.checkEnding('destroy', id, 'test')
    expect(world.violations).toEqual([
      'destroy at test of an engine with a session that still moves bytes (session)',
    ])
    world.server.running?.life.die()
  })

  test('an engine that is removed under somebody of whom no book knows, but for one who has just come', async () => {
    const world = await calmWorld()
    const id = firstEngine(world)
    const process = world.host.process(id)
    const session = process?.open('content', 'session')
    process?.change(() => {
      if (session !== undefined) session.readers = 1
    })
    await pass(world, 14_000)
    world.checkEnding('destroy', id, 'test')
    expect(world.violations).toEqual([])
    await pass(world, 1_000)
    world.checkEnding('destroy', id, 'test')
    expect(world.violations).toEqual([
      'destroy at test of an engine with a session that no book names and that moves bytes (session)',
    ])
    world.server.running?.life.die()
  })

  test('a cache that is emptied under a stream, too soon, or for nothing', async () => {
    const world = await calmWorld()
    const { books, clock } = world
    const [engine] = books.live()
    const id = engine?.container_id ?? ''
    const faults = () => world.violations.splice(0).map((text) => text.replace(/^.*, which /, ''))
    world.checkCache(id, 'test')
    expect(faults()).toEqual(['was not used since the last time'])
    const used = world.database.query('UPDATE engines SET last_stream_at = ? WHERE id = ?')
    used.run(clock.now() - 4_000, engine?.id ?? '')
    world.checkCache(id, 'test')
    expect(faults()).toEqual(['was idle for 4000 ms only'])
    used.run(clock.now() - 5_000, engine?.id ?? '')
    world.checkCache(id, 'test')
    expect(faults()).toEqual([])
    const url = `http://localhost:${engine?.host_http_port}/ace/stat/a/b`
    const body = {
      engine: { host: 'localhost', port: engine?.host_http_port },
      stream: { key_type: 'content_id', key: 'key' },
      session: { playback_session_id: 'b', stat_url: url, command_url: url, is_live: 1 },
    }
    const told = world.http.ask({ method: 'POST', path: '/events/stream_started', body })
    await pass(world, 1_000)
    expect((await told)?.status).toBe(200)
    world.checkCache(id, 'test')
    expect(faults()).toEqual(['has 1 started streams'])
    world.server.running?.life.die()
  })

  test('a stream that ends as unknown without denials, and one that was denied and goes on', async () => {
    const world = await calmWorld()
    const { books, database, streamChecks } = world
    const streamId = await startedStream(world)
    const row = books.newestStream(streamId)
    const engine = books.byId(row?.engine_id ?? '')
    const denial = {
      engineId: engine?.id ?? '',
      generation: engine?.container_started_at ?? 0,
      streamRowId: row?.row_id ?? 0,
      state: 'ended',
      figures: null,
      atMs: 0,
    } as const
    for (const n of [1, 2]) {
      streamChecks.telling([{ ...denial, atMs: n }])
      streamChecks.told()
    }
    const end = (reason: string) =>
      streamChecks.note({
        ...{ id: 1, at: 0, kind: 'stream.ended', engine_id: null, stream_id: streamId },
        detail: JSON.stringify({ reason }),
      })
    end('session_unknown')
    end('stopped_by_operator')
    expect(world.violations.splice(0)).toEqual([
      `stream ${streamId} ended as unknown after 2 denials`,
      `stream ${streamId} ended as unknown, and its engine knows it`,
      `stream ${streamId} ended as if an operator had stopped it`,
    ])
    streamChecks.telling([{ ...denial, state: 'silent' }])
    streamChecks.told()
    expect(world.violations).toEqual([])
    for (const n of [3, 4, 5, 6]) {
      expect(world.violations).toEqual([])
      streamChecks.telling([{ ...denial, atMs: n }])
      streamChecks.told()
    }
    expect(world.violations.splice(0)).toEqual([`stream ${streamId} was denied 6 times and is started`])
    expect(samplesFaults(database, 100)).toEqual([])
    database.run('UPDATE stream_stats SET seq = seq + 1 WHERE seq > 2')
    database.run('UPDATE streams SET started_at = started_at + 1')
    const n = database.query<{ n: number }, []>('SELECT count(*) AS n FROM stream_stats').get()?.n ?? 0
    expect(samplesFaults(database, n - 1)).toContain(
      `the stream of row 1 has ${n} samples, more than ${n - 1}`,
    )
    expect(samplesFaults(database, n)).toContain(`the ${n} samples of row 1 are numbered over ${n + 1}`)
    database.run('UPDATE streams SET started_at = started_at + 1000000')
    expect(samplesFaults(database, n)).toContain(`${n} samples of row 1 are of no started stream of ours`)
    world.server.running?.life.die()
  })

  test('an engine outside the VPN that a proxy is told of', async () => {
    const world = await switchedWorld('false')
    const [engine] = world.books.live()
    const { container_id = null, name: container_name = '' } = engine ?? {}
    world.outside.told([{ container_id, container_name }], [{ last_check: null }])
    world.outside.given(container_id ?? '')
    expect(world.violations).toEqual([
      `${container_name} is listed and is outside the VPN: own_network`,
      `${container_id?.slice(0, 6)} was given to a caller and is outside the VPN`,
    ])
    world.server.running?.life.die()
  })

  test('a stream outside the VPN that is cut, unless it has to be', async () => {
    for (const [strict, count] of [
      ['false', 1],
      ['true', 0],
    ] as const) {
      const world = await switchedWorld(strict)
      world.checkEnding('stop', firstEngine(world), 'test')
      expect(world.violations).toHaveLength(count)
      world.server.running?.life.die()
    }
  })

  test('a container that runs on outside the VPN where it must not', async () => {
    const world = await switchedWorld('true')
    world.host.runtime.freeze()
    world.outside.look()
    await pass(world, 120_001)
    world.outside.look()
    expect(world.violations.filter((text) => text.endsWith('runs on outside the VPN'))).toHaveLength(2)
    world.server.running?.life.die()
  })

  test('nothing wrong where engines from before the VPN are put behind it', async () => {
    const world = await switchedWorld('true')
    await world.vpn.check()
    await pass(world, 60_000)
    await world.vpn.check()
    expect(world.violations).toEqual([])
    expect(world.books.live().map(({ status, vpn_node }) => `${status} ${vpn_node !== null}`)).toEqual([
      'ready true',
      'ready true',
    ])
    world.server.running?.life.die()
  })

  test('no fault where an operator asked for it', async () => {
    const world = await calmWorld()
    const id = firstEngine(world)
    const process = world.host.process(id)
    const session = process?.open('content', 'session')
    process?.change(() => {
      if (session !== undefined) Object.assign(session, { readers: 1, isReported: true })
    })
    await pass(world, 60_000)
    world.orders.delete(id)
    world.checkEnding('destroy', id, 'test')
    expect(world.violations).toEqual([])
    world.server.running?.life.die()
  })

  test('an engine that was given to two', async () => {
    const world = await calmWorld()
    const id = firstEngine(world)
    await world.promises.promised(id, 'one')
    await world.promises.promised(id, 'one')
    expect(world.violations).toEqual([])
    await world.promises.promised(id, 'two')
    expect(world.violations).toEqual([`${id.slice(0, 6)} was given to one and to two`])
    world.server.running?.life.die()
  })

  test('what is done to a container of another installation, and that one is taken over late', async () => {
    const world = await calmWorld()
    const { owners, host, clock } = world
    const chaos = new OwnerChaos({ clock, host, tools: new ChaosTools({ ...world, clock, host }) })
    const id = chaos.make(seeded(1), 'running')
    const name = host.runtime.containers().find((each) => each.id === id)?.name
    await pass(world, 30_000)
    owners.asked('inspect', id, 'test')
    expect(world.violations).toEqual([])
    owners.asked('stop', id, 'test')
    expect(world.violations.splice(0)).toEqual([`stop at test of ${name}, which is of another installation`])
    world.database.run('UPDATE engines SET container_id = ? WHERE container_id = ?', [id, firstEngine(world)])
    const [engine] = world.books.live()
    owners.note({
      ...{ id: 1, at: 0, kind: 'engine.adopted', detail: '{}' },
      ...{ engine_id: engine?.id ?? '', stream_id: null },
    })
    expect(world.violations).toEqual([`${name} was taken over, though it came later`])
    world.server.running?.life.die()
  })

  test('an engine of another installation that ran all the time and was not taken over', async () => {
    const world = new World(1, null)
    const { owners, host, clock } = world
    const chaos = new OwnerChaos({ clock, host, tools: new ChaosTools({ ...world, clock, host }) })
    const ids = [chaos.make(seeded(2), 'running'), chaos.make(seeded(2), 'created')]
    host.look()
    owners.begins()
    const engines = host.runtime.containers().filter(({ labels }) => 'roundhouse.engine' in labels)
    expect(engines.map(({ id }) => id)).toEqual(ids)
    expect(owners.missed()).toEqual([`${engines[0]?.name} was never taken over`])
  })

  test('the removal of a container that is new, and of a copy that runs', async () => {
    const world = await calmWorld()
    const original = world.host.runtime.containers().find(({ id }) => id === firstEngine(world))
    const { image, labels } = original ?? { image: IMAGE, labels: {} }
    const rest = { publishAddress: '', network: null, memoryBytes: null, cpus: null }
    const copy = world.host.runtime.createOutside({
      name: 'copy',
      image,
      env: {},
      labels,
      ports: [],
      ...rest,
    })
    world.owners.asked('discard', copy, 'removal.removeAsSeen:discard')
    world.host.runtime.deliverAfterMs = () => []
    world.host.runtime.startOutside(copy)
    world.owners.asked('destroy', copy, 'remover.remove:destroy')
    world.owners.asked('destroy', copy, 'removal.removeAsSeen:destroy')
    expect(world.violations.splice(0)).toEqual([
      'discard at removal.removeAsSeen:discard of copy, which is new',
      'destroy at removal.removeAsSeen:destroy of copy, which is new',
      'destroy at removal.removeAsSeen:destroy of copy, a copy that runs',
    ])
    world.server.running?.life.die()
  })

  test('a row that the journal does not know', async () => {
    const world = await calmWorld()
    world.database.run(`UPDATE engines SET status = 'draining' WHERE container_id = ?`, [firstEngine(world)])
    world.checkCommit()
    expect(world.violations.join()).toMatch(/is draining and the journal says ready/)
    world.server.running?.life.die()
  })

  test('an engine that goes out of service and back again and again', async () => {
    const world = await calmWorld()
    const { books, database, clock } = world
    const id = books.byContainer(firstEngine(world))?.id ?? ''
    for (let n = 0; n < 4; n++)
      for (const kind of ['engine.draining', 'engine.recalled'])
        database.run(`INSERT INTO journal (at, kind, engine_id, detail) VALUES (?, ?, ?, '{}')`, [
          clock.now() + n,
          kind,
          id,
        ])
    world.checkCommit()
    expect(world.violations.join()).toMatch(/went out of service or back 7 times in 2000 ms/)
    world.server.running?.life.die()
  })

  test('an end of an engine that left something', async () => {
    const world = await calmWorld()
    const streamId = await startedStream(world)
    const { books, database, clock } = world
    const id = books.newestStream(streamId)?.engine_id ?? ''
    const { name } = books.byId(id) ?? {}
    database.run(`UPDATE engines SET status = 'failed', unclaimed_since = 1 WHERE id = ?`, [id])
    database.run(`INSERT INTO idempotency_keys VALUES ('key', 'hash', ?, 1)`, [id])
    database.run(
      `INSERT INTO journal (at, kind, engine_id, detail) VALUES (?, 'provision.failed', ?, '{}')`,
      [clock.now(), id],
    )
    world.checkCommit()
    expect(world.violations.filter((text) => !text.startsWith('port '))).toEqual([
      `${name} is failed without a time or a reason`,
      `${name} is failed and its container running`,
      `${name} is failed and unclaimed`,
      `an idempotency key stands for ${name}, whose provision failed`,
      `stream ${streamId} is started on ${id.slice(0, 6)}, which is history`,
    ])
    world.server.running?.life.die()
  })

  test('a promised engine that is in no list while it runs', async () => {
    const world = await calmWorld()
    const id = await world.host.runtime.create({
      name: 'stray',
      image: IMAGE,
      env: {},
      labels: {},
      ports: [],
      publishAddress: '',
      network: null,
      memoryBytes: null,
      cpus: null,
    })
    world.host.runtime.startOutside(id)
    world.host.look()
    await world.promises.promised(id, 'somebody')
    expect(world.violations).toEqual([`${id.slice(0, 6)} was promised, runs, and is in no list`])
    world.server.running?.life.die()
  })
})
