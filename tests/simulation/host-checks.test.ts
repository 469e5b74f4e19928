import { describe, expect, test } from 'bun:test'
import { RuntimeFailure } from '../../src/runtime/runtime.ts'
import { World } from './world.ts'

/** A world of two hosts, on each of which the orchestrator keeps an engine; nothing goes wrong except what the test does. */
async function calmSwarm(env: Readonly<Record<string, string>> = {}): Promise<World> {
  const world = new World(1, null, (scenario) => ({
    ...scenario,
    vpn: null,
    swarm: { hosts: ['north', 'south'], proxiesOn: 'north', taskMaxMs: 900, missesOne: null },
    sights: { engines: 'nothing', nodes: false, counts: false },
  }))
  world.startServer({
    ...world.scenario.env,
    ...{ ENGINE_RUNTIME: 'swarm', SWARM_POST_NODE: 'north', PULL: 'never', ENGINE_CACHE_PATH: '' },
    ...{ MIN_REPLICAS: '2', MAX_REPLICAS: '4', AUTO_DELETE: 'false' },
    ...env,
  })
  await pass(world, 30_000)
  return world
}

async function pass(world: World, ms: number): Promise<void> {
  const untilMs = world.clock.now() + ms
  while (await world.clock.step(untilMs)) world.host.look()
}

const onSouth = (world: World) => world.books.live().find(({ host }) => host?.includes('node-south') === true)
const swarmOf = ({ host: { swarm } }: World) => {
  if (swarm === null) throw new Error('the world has no swarm')
  return swarm
}

/** The orchestrator hears neither of hosts nor of engines any more. */
function deafen(world: World): void {
  const failure = new RuntimeFailure('unreachable', 'No.')
  world.host.runtime.faults.always('hosts', { kind: 'fail_before', failure })
  world.server.running?.health.lose(10_000_000)
}

describe('the checks see', () => {
  test('nothing wrong in a calm swarm, whose engines are spread', async () => {
    const world = await calmSwarm()
    await world.hosts.look()
    await world.promises.check()
    expect(world.violations).toEqual([])
    expect(world.books.live().map(({ status }) => status)).toEqual(['ready', 'ready'])
    expect(new Set(world.books.live().map(({ host }) => host)).size).toBe(2)
    world.server.running?.life.die()
  })

  test.each(['run on', 'end'] as const)(
    'that a lost host whose tasks %s was given up in time',
    async (its) => {
      const world = await calmSwarm()
      swarmOf(world).lose('node-south', its)
      for (let second = 0; second < 200; second += 2) {
        await pass(world, 2_000)
        await world.hosts.look()
      }
      expect(world.violations).toEqual([])
      expect(world.books.live().map(({ host }) => host?.includes('node-north'))).toEqual([true, true])
      world.server.running?.life.die()
    },
  )

  test('an engine that is listed and kept though its host is lost', async () => {
    const world = await calmSwarm()
    const name = onSouth(world)?.name
    deafen(world)
    swarmOf(world).lose('node-south', 'end')
    await pass(world, 80_000)
    await world.hosts.look()
    expect(world.violations).toEqual([])
    await pass(world, 15_000)
    await world.hosts.look()
    expect(world.violations.splice(0)).toEqual([`${name} is listed, and its host is away`])
    await pass(world, 90_000)
    await world.hosts.look()
    expect(world.violations).toContain(`${name} is kept on a host that is away`)
    world.server.running?.life.die()
  })

  test('an engine that ended for a host that is well, was drained, or whose engines answer', async () => {
    const world = await calmSwarm()
    const engine = onSouth(world)
    const swarm = swarmOf(world)
    const end = (reason: string) =>
      world.hosts.note({
        ...{ id: 1, at: 0, kind: 'stream.ended', detail: JSON.stringify({ reason }) },
        ...{ engine_id: engine?.id ?? '', stream_id: 'a' },
      })
    end('completed')
    expect(world.violations).toEqual([])
    end('host_lost')
    expect(world.violations.splice(0)).toEqual([`${engine?.name} ended as host_lost, and its host was not`])
    swarm.setAvailability('node-south', 'drain')
    end('host_drained')
    expect(world.violations).toEqual([])
    end('host_lost')
    expect(world.violations.splice(0)).toEqual([`${engine?.name} ended as host_lost, and its host was not`])
    swarm.repair('node-south')
    swarm.lose('node-south', 'answer')
    end('host_lost')
    expect(world.violations.splice(0)).toEqual([`${engine?.name} ended as host_lost, and it answers`])
    swarm.repair('node-south')
    swarm.lose('node-south', 'run on')
    end('host_lost')
    expect(world.violations).toEqual([])
    world.server.running?.life.die()
  })

  test('an engine whose row or whose address names another host', async () => {
    const world = await calmSwarm()
    const engine = onSouth(world)
    const north = world.books.live().find(({ id }) => id !== engine?.id)?.host ?? ''
    world.database.run('UPDATE engines SET host = ? WHERE id = ?', [north, engine?.id ?? ''])
    await world.hosts.look()
    expect(world.violations).toContain(`${engine?.name} is on node-south, its row says node-north`)
    world.server.running?.life.die()
  })

  test('an engine that was put on the manager against a constraint', async () => {
    const world = await calmSwarm({ SWARM_CONSTRAINTS: 'node.role==worker', SWARM_POST_NODE: '' })
    await world.hosts.look()
    expect(world.violations).toEqual([])
    const engine = onSouth(world)
    const north = JSON.stringify({ id: 'node-north', name: 'north', address: '10.9.0.1' })
    world.database.run('UPDATE engines SET host = ? WHERE id = ?', [north, engine?.id ?? ''])
    await world.hosts.look()
    expect(world.violations).toContain(`${engine?.name} is not on a worker`)
    world.server.running?.life.die()
  })

  test('a viewer who was given one engine and reaches another', async () => {
    const world = await calmSwarm()
    const [one, other] = world.host.processes()
    if (one === undefined || other === undefined) throw new Error('there are not two engines')
    world.hosts.reached({ by: 'list', containerId: one.containerId }, one)
    expect(world.violations).toEqual([])
    world.hosts.reached({ by: 'list', containerId: one.containerId }, other)
    world.hosts.reached({ by: 'post', containerId: one.containerId }, other)
    expect(world.violations).toHaveLength(2)
    world.server.running?.life.die()
  })
})
