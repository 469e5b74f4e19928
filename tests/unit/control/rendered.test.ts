import { afterEach, describe, expect, test } from 'bun:test'
import { Rendered } from '../../../src/control/views/rendered.ts'
import type { Rig } from '../../support/rig.ts'
import { RigNode, startBehindVpn } from '../../support/rig-vpn.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

describe('an answer', () => {
  const clock = new VirtualClock()
  const versions: [number, number] = [0, 0]
  let renderings = 0
  const answer = new Rendered({
    clock,
    sources: [{ version: () => versions[0] }, { version: () => versions[1] }],
    render: () => ++renderings,
  })

  test('is rendered once for many that ask', () => {
    expect([answer.read(), answer.read(), answer.read()]).toEqual([1, 1, 1])
  })

  test('is rendered anew when any part has changed, and when time has passed', async () => {
    versions[1]++
    expect(answer.read()).toBe(2)
    versions[0]++
    expect(answer.read()).toBe(3)
    await clock.advance(99)
    expect(answer.read()).toBe(3)
    await clock.advance(1)
    expect(answer.read()).toBe(4)
  })

  test('that changed while it was rendered is rendered anew for the next', () => {
    let version = 0
    const eager = new Rendered({
      clock,
      sources: [{ version: () => version }],
      render: () => version++,
    })
    expect([eager.read(), eager.read()]).toEqual([0, 1])
  })

  test('that fails is not kept', () => {
    let tries = 0
    const failing = new Rendered({
      clock,
      sources: [],
      render: () => {
        if (++tries === 1) throw new Error('not yet')
        return tries
      },
    })
    expect(() => failing.read()).toThrow('not yet')
    expect(failing.read()).toBe(2)
  })
})

describe('the answers of the API show at once', () => {
  let rig: Rig
  let node: RigNode

  afterEach(() => rig.dispose())

  const start = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
    const started = await startBehindVpn(['gluetun'], { MAX_REPLICAS: '1', ...env })
    rig = started.rig
    node = started.nodes[0] ?? new RigNode(rig, 'gluetun')
    await rig.clock.advance(5_000)
  }

  const shown = async (path: string): Promise<string> => (await rig.request('GET', path)).text()

  /** Expects that a change shows in each of these answers, though no time passes and all were asked just before. */
  const expectShown = async (paths: readonly string[], change: () => unknown): Promise<void> => {
    const before = await Promise.all(paths.map(shown))
    const atMs = rig.clock.now()
    await change()
    expect(rig.clock.now()).toBe(atMs)
    for (const [at, path] of paths.entries())
      expect([path, await shown(path)]).not.toEqual([path, before[at]])
  }

  const FLEET = ['/orchestrator/status', '/health/status', '/metrics', '/engines']

  test('a commit: an engine that was provisioned', async () => {
    await start()
    await expectShown(FLEET, () => rig.request('POST', '/provision/acestream', {}))
  })

  test('facts: a probe, and a node that Docker calls unhealthy', async () => {
    await start()
    await rig.provision()
    await expectShown(FLEET, () => rig.health.report(19_000, true, rig.clock.now()))
    await expectShown(['/orchestrator/status', '/vpn/status', '/metrics'], () => {
      node.health = 'unhealthy'
      node.report()
    })
  })

  test('what has no version but is counted: a refusal, and an event with a wrong key', async () => {
    await start({ API_KEY: KEY })
    const keyed = { headers: { authorization: `Bearer ${KEY}` } }
    await rig.provision(keyed)
    await expectShown(['/metrics'], () => rig.request('POST', '/provision/acestream', {}, keyed))
    await expectShown(['/metrics', '/orchestrator/status'], () =>
      rig.request('POST', '/events/stream_started', {}),
    )
  })

  test('an order: the number of engines that an operator wants', async () => {
    await start()
    await expectShown(['/orchestrator/status', '/orchestrator/plan', '/health/status'], () =>
      rig.request('POST', '/scale/1'),
    )
  })

  test('a proxy that is heard of for the first time', async () => {
    await start()
    await expectShown(['/orchestrator/status'], () =>
      rig.request('GET', '/engines', undefined, { headers: { 'user-agent': 'Go-http-client/1.1' } }),
    )
  })
})

const KEY = 'k'.repeat(32)
