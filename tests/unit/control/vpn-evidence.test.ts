import { afterEach, describe, expect, test } from 'bun:test'
import { VpnFleet } from '../../support/rig-vpn-fleet.ts'

/* What engines and streams prove of a node whose health check, or control server, is wrong or not there. */

let fleet: VpnFleet
afterEach(() => fleet.rig.dispose())

const PORTS = [19_000, 19_001, 19_002, 19_003] as const
const cut = (...ports: readonly number[]) => {
  for (const port of ports) fleet.cutOff.add(port)
}
const iso = (ms: number) => new Date(ms).toISOString()

describe('a tunnel that is dead, with nobody but its engines to tell', () => {
  /** Engines behind a container without a health check lose their connections, and their streams stand still. */
  async function lost(engines: number, env: Readonly<Record<string, string>> = {}): Promise<void> {
    fleet = await VpnFleet.start(['wireguard'], { VPN_CONTROL: 'none', ...env })
    fleet.node.control = null
    fleet.node.health = null
    await fleet.pass(1)
    await fleet.provision(engines)
    await fleet.rig.play(19_000)
    await fleet.pass(10)
    cut(...PORTS)
    fleet.still.add(19_000)
    await fleet.pass(5)
    expect(await fleet.state()).toBe('down')
  }

  test('stays down as long as no engine comes back, refuses provisions, and is told with since, why and remedy', async () => {
    await lost(2)
    const since = (await fleet.vpn()).nodes[0]?.since
    await fleet.pass(260)
    expect(await fleet.state()).toBe('down')
    expect(await fleet.listed()).toEqual([])
    expect((await fleet.rig.provision()).status).toBe(503)
    const warning = await fleet.warning('vpn_tunnel_doubted')
    expect(warning?.message).toContain(
      'wireguard has lost its tunnel: 2 of 2 engines say that they are not connected',
    )
    expect(warning?.message).toContain(`since ${since}`)
    expect(warning?.remedy).toContain('restart that container')
  })

  test('is tried by the restart of one engine at a time, ever more rarely', async () => {
    await lost(2)
    await fleet.pass(600)
    const restarts = fleet.kinds().filter((kind) => kind === 'engine.restarting').length
    expect(restarts).toBe(4)
  })

  test('is up when the restarted engine connects, and the others are restarted, too', async () => {
    await lost(3)
    // The tunnel works; engines that are not started again do not find it.
    const before = new Map(fleet.rig.runtime.containers().map(({ id, startedAtMs }) => [id, startedAtMs]))
    for (let second = 0; second < 300 && (await fleet.state()) === 'down'; second++) {
      await fleet.pass(1)
      for (const { id, startedAtMs, labels } of fleet.rig.runtime.containers())
        if (before.get(id) !== startedAtMs) fleet.cutOff.delete(Number(labels['acestream.http_port']))
    }
    expect(await fleet.state()).toBe('up')
    expect(await fleet.codes()).not.toContain('vpn_tunnel_doubted')
    expect(fleet.kinds().filter((kind) => kind === 'engine.restarting')).toHaveLength(1)
  })

  test('is not up for the restart of an engine that says nothing afterwards, nor for a worker that was lost', async () => {
    await lost(1)
    await fleet.pass(65)
    expect(fleet.kinds()).toContain('engine.restarting')
    fleet.silence()
    await fleet.pass(30)
    fleet.rig.vpn.lose()
    await fleet.pass(30)
    expect(await fleet.state()).toBe('down')
  })

  test('keeps nothing hidden when streams move although the engines say that they are not connected', async () => {
    await lost(2)
    fleet.still.clear()
    await fleet.pass(25)
    expect(await fleet.state()).toBe('up')
  })

  test('is not held against a node whose container was started again, or that has no engine left', async () => {
    await lost(1)
    await fleet.pass(30)
    const [engine] = fleet.rig.runtime.containers().filter(({ name }) => name === 'acestream-1')
    const deleted = await fleet.rig.during(fleet.rig.request('DELETE', `/containers/${engine?.id}`))
    expect(deleted.status).toBe(200)
    await fleet.pass(8)
    expect(await fleet.state()).toBe('up')
  })

  test('restarts no engine where that is switched off', async () => {
    await lost(2, { VPN_RESTART_ENGINES_ON_RECONNECT: 'false' })
    await fleet.pass(150)
    expect(await fleet.state()).toBe('down')
    expect(fleet.kinds()).not.toContain('engine.restarting')
  })

  test('is noticed behind a Gluetun without a health check whose control server does not answer', async () => {
    fleet = await VpnFleet.start(['gluetun'])
    await fleet.pass(1)
    await fleet.provision(2)
    await fleet.pass(10)
    fleet.node.health = null
    fleet.node.control = { status: null, problem: 'the control server hangs' }
    await fleet.pass(10)
    expect(await fleet.listed()).toHaveLength(2)
    cut(...PORTS)
    await fleet.pass(10)
    expect([await fleet.state(), await fleet.listed()]).toEqual(['down', []])
    await fleet.pass(250)
    expect([await fleet.state(), await fleet.listed()]).toEqual(['down', []])
    expect(await fleet.codes()).toContain('vpn_tunnel_doubted')
  })

  test('is told where no engine was ever connected, as after a restart of ours', async () => {
    await lost(2)
    await fleet.rig.restart()
    await fleet.pass(90)
    expect((await fleet.warning('vpn_tunnel_doubted'))?.message).toContain(
      'none of the 2 engines behind wireguard has said that it is connected',
    )
    fleet.cutOff.clear()
    await fleet.pass(5)
    expect(await fleet.codes()).not.toContain('vpn_tunnel_doubted')
  })
})

describe('a start of ours while only the health check of a node fails', () => {
  async function restarted(env: Readonly<Record<string, string>> = {}, names = ['gluetun']): Promise<void> {
    fleet = await VpnFleet.start(names, env)
    await fleet.provision(2)
    await fleet.rig.play(19_000)
    await fleet.pass(5)
    fleet.node.health = 'unhealthy'
    await fleet.pass(60)
    await fleet.rig.restart()
  }

  test('hides no engine, drains none, and refuses provisions meanwhile', async () => {
    await restarted({ MAX_REPLICAS: '2' }, ['one', 'two'])
    const lists: number[] = []
    for (let second = 0; second < 30; second++) {
      for (const each of fleet.nodes) each.report()
      lists.push((await fleet.listed()).length)
      await fleet.pass(1)
      lists.push((await fleet.listed()).length)
    }
    expect(new Set(lists)).toEqual(new Set([2]))
    expect(fleet.kinds()).not.toContain('vpn.down')
    expect(fleet.kinds()).not.toContain('engine.draining')
    expect(await fleet.codes()).toContain('vpn_health_check_fails')
  })

  test('is answered 503 for a POST until then, by the reason of the health check', async () => {
    await restarted()
    fleet.node.report()
    expect(await (await fleet.rig.provision()).json()).toMatchObject({
      detail: "Cannot provision engine: VPN not available - Gluetun VPN container 'gluetun' is not healthy",
    })
  })

  test.each([
    ['nothing moves', 46, () => void fleet.still.add(19_000)],
    ['no engine answers', 46, () => fleet.silence()],
    ['engines say that they are not connected', 5, () => cut(...PORTS)],
    ['the control server says that the VPN stopped', 1, () => fleet.stopVpn()],
  ])('is down after all where %s', async (_, seconds, strike) => {
    await restarted()
    strike()
    await fleet.pass(seconds)
    expect([await fleet.state(), await fleet.listed()]).toEqual(['down', []])
  })

  test('is no matter of a node that was up before', async () => {
    fleet = await VpnFleet.start(['gluetun'])
    await fleet.provision(1)
    fleet.node.health = 'unhealthy'
    await fleet.pass(1)
    expect(await fleet.state()).toBe('down')
  })
})

describe('engines that lose their connections beside one that plays', () => {
  async function playing(engines: number, health: 'healthy' | 'unhealthy'): Promise<void> {
    fleet = await VpnFleet.start(['gluetun'])
    await fleet.provision(engines)
    await fleet.rig.play(19_000)
    await fleet.pass(5)
    fleet.node.health = health
    await fleet.pass(5)
  }

  test.each([
    [1, 2, 'unhealthy'],
    [2, 3, 'unhealthy'],
    [2, 4, 'unhealthy'],
    [3, 4, 'unhealthy'],
    [2, 3, 'healthy'],
    [3, 4, 'healthy'],
  ] as const)('do not hide it: %d of %d lost, %s', async (lost, engines, health) => {
    await playing(engines, health)
    cut(...PORTS.slice(1, 1 + lost))
    const lists: string[][] = []
    for (let second = 0; second < 60; second++) {
      await fleet.pass(1)
      lists.push(await fleet.listed())
    }
    expect(lists.every((names) => names.includes('acestream-1'))).toBe(true)
    expect(fleet.kinds()).not.toContain('vpn.down')
  })

  test.each(['healthy', 'unhealthy'] as const)(
    'hide all when it stands still and says so, too (%s)',
    async (health) => {
      await playing(3, health)
      cut(...PORTS)
      fleet.still.add(19_000)
      await fleet.pass(4)
      expect(await fleet.listed()).toEqual([])
    },
  )

  test('hide all within ten seconds when it says nothing any more', async () => {
    await playing(2, 'unhealthy')
    fleet.still.add(19_000)
    cut(19_001)
    const mute = fleet.rig.health.targets.find(({ addresses }) => addresses[0]?.port === 19_000)
    const { health } = fleet.rig
    const tell = health.tellNetwork.bind(health)
    health.tellNetwork = (...facts) => tell(...facts.filter(({ engineId }) => engineId !== mute?.engineId))
    await fleet.pass(14)
    expect(await fleet.listed()).toEqual([])
  })

  test('are themselves hidden and restarted, though the health check fails', async () => {
    await playing(2, 'unhealthy')
    cut(19_001)
    await fleet.pass(5)
    expect(await fleet.listed()).toEqual(['acestream-1'])
    await fleet.pass(30)
    expect(fleet.kinds()).toContain('engine.restarting')
  })
})

describe('a node that is down by its health check alone', () => {
  test('is told of with since when, who contradicts and the remedy, as long as that lasts', async () => {
    fleet = await VpnFleet.start(['gluetun'])
    await fleet.provision(2)
    await fleet.rig.play(19_000)
    await fleet.pass(5)
    fleet.node.health = 'unhealthy'
    fleet.node.healthText = 'ERROR small periodic check'
    await fleet.pass(1)
    const sinceMs = fleet.rig.clock.now()
    await fleet.pass(5)
    await fleet.rig.json('POST', '/events/stream_ended', { stream_id: 'key|session', reason: 'completed' })
    for (let second = 0; second < 120; second++) {
      await fleet.pass(1)
      expect(await fleet.codes()).toContain('vpn_health_check_fails')
    }
    expect([await fleet.state(), await fleet.listed()]).toEqual(['down', []])
    const warning = await fleet.warning('vpn_health_check_fails')
    expect(warning?.message).toBe(
      `gluetun fails its health check (ERROR small periodic check) since ${iso(sinceMs)}, and that is the only bad sign: ` +
        'its control server says that the VPN runs, and 2 of 2 engines say that they are connected. No stream has moved ' +
        'behind it for 45 s, which alone would prove that it works, so its engines are hidden, and none starts behind it',
    )
    expect(warning?.remedy).toContain('HEALTH_TARGET_ADDRESSES')
    fleet.node.health = 'healthy'
    await fleet.pass(6)
    expect(await fleet.codes()).not.toContain('vpn_health_check_fails')
  })

  test('is told of after a minute where no engine could tell, and not where engines lost their connections', async () => {
    fleet = await VpnFleet.start(['gluetun'])
    await fleet.pass(20)
    fleet.node.health = 'unhealthy'
    await fleet.pass(58)
    expect(await fleet.codes()).not.toContain('vpn_health_check_fails')
    await fleet.pass(4)
    expect((await fleet.warning('vpn_health_check_fails'))?.message).toContain(
      'its control server says that the VPN runs, and no engine is there to tell',
    )
    fleet.node.health = 'healthy'
    await fleet.pass(6)
    await fleet.provision(1)
    cut(...PORTS)
    fleet.node.health = 'unhealthy'
    await fleet.pass(70)
    expect(await fleet.codes()).not.toContain('vpn_health_check_fails')
  })

  test('has in the status since when and why it is down', async () => {
    fleet = await VpnFleet.start(['one', 'two'])
    await fleet.pass(20)
    fleet.node.health = 'unhealthy'
    await fleet.pass(1)
    const since = iso(fleet.rig.clock.now())
    await fleet.pass(5)
    expect(await fleet.rig.json('GET', '/orchestrator/status')).toMatchObject({
      vpn: { nodes: [{ container: 'one', since, reason: "Gluetun VPN container 'one' is not healthy" }, {}] },
    })
  })
})
