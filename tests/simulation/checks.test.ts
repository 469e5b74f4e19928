import { describe, expect, test } from 'bun:test'
import { IMAGE } from './scenario.ts'
import { World } from './world.ts'

/** A world whose orchestrator keeps two engines, and in which nothing goes wrong unless the test does it. */
async function calmWorld(): Promise<World> {
  const world = new World(1, null)
  world.startServer({ ...world.scenario.env, MIN_REPLICAS: '2', MAX_REPLICAS: '4', AUTO_DELETE: 'false' })
  await pass(world, 30_000)
  return world
}

async function pass(world: World, ms: number): Promise<void> {
  const untilMs = world.clock.now() + ms
  while (await world.clock.step(untilMs)) world.host.look()
}

const firstEngine = (world: World): string => world.books.live()[0]?.container_id ?? ''

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

  test('no fault where an operator asked for it', async () => {
    const world = await calmWorld()
    const id = firstEngine(world)
    const process = world.host.process(id)
    const session = process?.open('content', 'session')
    process?.change(() => {
      if (session !== undefined) Object.assign(session, { readers: 1, isReported: true })
    })
    await pass(world, 60_000)
    world.wishes.delete(id)
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

  test('a row that the journal does not know', async () => {
    const world = await calmWorld()
    world.database.run(`UPDATE engines SET status = 'draining' WHERE container_id = ?`, [firstEngine(world)])
    world.checkCommit()
    expect(world.violations.join()).toMatch(/is draining and the journal says ready/)
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
