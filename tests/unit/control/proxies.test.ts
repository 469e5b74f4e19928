import { afterEach, describe, expect, test } from 'bun:test'
import { liveEngines, updateEngine } from '../../../src/store/engines.ts'
import { selectEngine } from '../../support/acexy-selection.ts'
import { decodeEngines } from '../../support/acexy-wire.ts'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

const ACEXY = 'Go-http-client/1.1'
const MONITOR = 'monitor/1.0'

let rig: Rig
afterEach(() => rig.dispose())

/** An orchestrator with so many healthy engines of its own. */
async function start(engines: number, env: Record<string, string> = {}): Promise<void> {
  rig = await new Rig({ MIN_REPLICAS: String(engines), ...env }).start()
  await rig.clock.advance(5_000)
  await answer()
}

/** Lets all engines answer their probes. */
async function answer(): Promise<void> {
  for (const { addresses } of rig.health.targets)
    rig.health.report(addresses[0]?.port ?? 0, true, rig.clock.now())
  await settled()
}

const as = (agent: string): RequestInit => ({ headers: { 'user-agent': agent } })
const list = async (agent = ACEXY) =>
  decodeEngines(await (await rig.request('GET', '/engines', undefined, as(agent))).text())

/** Asks for the started streams of each engine, as acexy does before it chooses. Returns the port of the choice. */
async function choose(engines: Awaited<ReturnType<typeof list>>, agent = ACEXY): Promise<number | undefined> {
  const candidates = []
  for (const engine of engines) {
    const path = `/streams?container_id=${engine.container_id}&status=started`
    const streams = await rig.json<unknown[]>('GET', path, undefined, as(agent))
    candidates.push({ engine, activeStreams: streams.length })
  }
  return selectEngine(candidates, 1)?.port
}

/** One viewer of acexy, up to the choice. */
const arrive = async (agent = ACEXY): Promise<number> => (await choose(await list(agent), agent)) ?? 0

interface Shown {
  readonly container_name: string
  readonly port: number
  readonly last_stream_usage: string | null
  readonly expected_until: string | null
  readonly status: string
}

const all = () => rig.json<Shown[]>('GET', '/engines?status=all')
const shownAt = async (port: number): Promise<Shown | undefined> =>
  (await all()).find((engine) => engine.port === port)
const play = (port: number, id: string) => rig.play(port, id)
const end = (id: string) => rig.json('POST', '/events/stream_ended', { stream_id: id, reason: 'eof' })

/** Lets viewers come 3 s apart, each content being found after 6 s. `pass` lets a second pass. Returns what each took. */
async function comeClose(viewers: number, pass: () => Promise<void>): Promise<readonly number[]> {
  const taken: number[] = []
  for (let viewer = 0; viewer < viewers; viewer++) {
    taken.push(await arrive())
    if (viewer > 1) await play(taken[viewer - 2] ?? 0, String(viewer - 2))
    for (let second = 0; second < 3; second++) await pass()
  }
  return taken
}
const passSecond = () => rig.clock.advance(1_000)

describe('viewers that come close together', () => {
  test('get engines of their own, also where all were used before', async () => {
    await start(4)
    for (let round = 1; round <= 3; round++) {
      const taken = await comeClose(4, passSecond)
      expect(new Set(taken).size).toBe(4)
      for (const viewer of [2, 3]) await play(taken[viewer] ?? 0, String(viewer))
      for (const viewer of [2, 0, 3, 1]) {
        await end(String(viewer))
        await rig.clock.advance(100)
      }
    }
  })

  test('a choice shows as the questions alone while acexy keeps its list', async () => {
    await start(2)
    const kept = await list()
    await choose(kept)
    await rig.clock.advance(1_500)
    const second = await choose(kept)
    expect(await shownAt(second ?? 0)).toMatchObject({ expected_until: expect.any(String) })
    expect((await list())[0]?.port).not.toBe(second)
  })

  test('an engine that a POST gave is named after the others', async () => {
    await start(1, { MAX_REPLICAS: '2' })
    await play((await all())[0]?.port ?? 0, 'a')
    const given = (await (await rig.provision()).json()) as { host_http_port: number }
    await end('a')
    await answer()
    for (let turn = 0; turn < 4; turn++)
      expect((await list()).map(({ port }) => port).at(-1)).toBe(given.host_http_port)
    expect(await arrive()).not.toBe(given.host_http_port)
  })

  test('an engine that a key was given again is expected from then on', async () => {
    await start(1, { MAX_REPLICAS: '2' })
    const keyed = { headers: { 'idempotency-key': 'k' } }
    const given = (await (await rig.provision(keyed)).json()) as { host_http_port: number }
    await answer()
    await rig.clock.advance(20_000)
    expect(await (await rig.provision(keyed)).json()).toEqual(given)
    await rig.clock.advance(24_000)
    expect(await shownAt(given.host_http_port)).toMatchObject({ expected_until: expect.any(String) })
    expect(await arrive()).not.toBe(given.host_http_port)
    await rig.clock.advance(1_000)
    expect(await shownAt(given.host_http_port)).toMatchObject({ expected_until: null })
  })

  test('the choice is over when its stream is reported, or after 25 seconds', async () => {
    await start(2)
    const [first, second] = [await arrive(), await arrive()]
    expect(second).not.toBe(first)
    await play(first, 'a')
    expect(await shownAt(first)).toMatchObject({ expected_until: null })
    await rig.clock.advance(24_000)
    expect(await shownAt(second)).toMatchObject({ expected_until: expect.any(String) })
    await rig.clock.advance(1_000)
    expect(await shownAt(second)).toMatchObject({ expected_until: null })
  })

  test('the choice is void when the engine is restarted, and its viewer is cut off', async () => {
    await start(2)
    const port = await arrive()
    expect(await shownAt(port)).toMatchObject({ expected_until: expect.any(String) })
    const { container_id: id } = (await list()).find((engine) => engine.port === port) ?? { container_id: '' }
    await rig.clock.advance(1_000)
    rig.runtime.crash(id)
    await rig.clock.advance(5_000)
    expect(await shownAt(port)).toMatchObject({ expected_until: null })
  })

  test('a choice stays when it is learnt late that the engine had been restarted before it', async () => {
    await start(2)
    const startedMs = rig.clock.now()
    await rig.clock.advance(1_000)
    const port = await arrive()
    const row = liveEngines(rig.temp.store.db).find(({ hostHttpPort }) => hostHttpPort === port)
    rig.temp.store.transact((tx) => updateEngine(tx, row?.id ?? '', { containerStartedAt: startedMs }))
    expect(await shownAt(port)).toMatchObject({ expected_until: expect.any(String) })
  })

  test('the true use is shown to people', async () => {
    await start(2)
    const port = await arrive()
    const told = (await list()).find((engine) => engine.port === port)
    expect(told?.last_stream_usage).not.toBeNull()
    expect(await shownAt(port)).toMatchObject({ last_stream_usage: null })
  })
})

describe('somebody who only looks', () => {
  const LOOKED_AT = ['/engines?status=all', '/streams', '/streams?status=started', '/orchestrator/status']

  /** Looks ten times a second, for a second. */
  async function look(): Promise<void> {
    for (let time = 0; time < 10; time++) {
      await list(MONITOR)
      for (const path of LOOKED_AT) await rig.request('GET', path, undefined, as(MONITOR))
      await rig.clock.advance(100)
    }
  }

  test('changes no choice of a proxy', async () => {
    await start(4)
    const alone = await comeClose(6, passSecond)
    await rig.dispose()
    await start(4)
    const watched = await comeClose(6, look)
    const inOrder = (taken: readonly number[]) => taken.map((port) => taken.indexOf(port))
    expect(inOrder(watched)).toEqual(inOrder(alone))
    expect(new Set(watched.slice(0, 4)).size).toBe(4)
  })

  test('counts for nothing, though it goes through the list as a proxy does, until it reports something', async () => {
    await start(4)
    for (let time = 0; time < 10; time++) await arrive(MONITOR)
    expect((await all()).filter(({ expected_until: until }) => until !== null)).toEqual([])
    await rig.json('POST', '/events/stream_ended', { stream_id: 'none', reason: 'eof' }, as(MONITOR))
    await arrive(MONITOR)
    expect((await all()).filter(({ expected_until: until }) => until !== null)).toHaveLength(1)
  })

  test.each([1, 2])('starts at most MIN_FREE_REPLICAS=%d spares', async (spares) => {
    await start(0, { MIN_FREE_REPLICAS: String(spares), MAX_REPLICAS: '10' })
    expect(await all()).toHaveLength(spares)
    for (let second = 0; second < 60; second++) {
      await arrive()
      await rig.clock.advance(1_000)
      await answer()
    }
    expect(await all()).toHaveLength(2 * spares)
  })
})

describe('a spare', () => {
  test('starts when a proxy chooses, not when it reports the stream', async () => {
    await start(0, { MIN_FREE_REPLICAS: '1' })
    const first = await arrive()
    await rig.clock.advance(1_000)
    expect(await all()).toHaveLength(2)
    await answer()
    expect(await arrive()).not.toBe(first)
  })

  test('starts when a POST gives an engine away', async () => {
    await start(1, { MIN_FREE_REPLICAS: '1' })
    await play((await all())[0]?.port ?? 0, 'a')
    await rig.provision()
    await rig.clock.advance(1_000)
    expect(await all()).toHaveLength(3)
  })
})

describe('at the maximum', () => {
  const PLAIN = { labels: {}, env: {} }
  const post = async (body: object = PLAIN, init: RequestInit = {}) =>
    (await rig.provision(init, body)).status

  /** Two engines, both in use. */
  async function full(env: Record<string, string> = {}): Promise<void> {
    await start(2, { MAX_REPLICAS: '2', ...env })
    for (const [at, { port }] of (await all()).entries()) await play(port, String(at))
  }
  const canProvision = async () =>
    (await rig.json<{ provisioning: { can_provision: boolean } }>('GET', '/orchestrator/status')).provisioning
      .can_provision

  test('a place that becomes free is given to whom waits, once', async () => {
    await full()
    const [freed] = await all()
    expect(await post()).toBe(503)
    await rig.clock.advance(3_000)
    expect(await post()).toBe(503)
    await end('0')
    await rig.clock.advance(6_000)
    expect(await canProvision()).toBe(true)
    const answer = await rig.provision()
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ host_http_port: freed?.port })
    expect(await all()).toHaveLength(2)
    expect(await canProvision()).toBe(false)
    // It is kept for its caller until its stream is reported.
    expect(await post()).toBe(503)
    await play(freed?.port ?? 0, 'b')
    await end('b')
    expect(await post()).toBe(200)
  })

  test('one that a proxy has chosen meanwhile is not', async () => {
    await full()
    expect(await post()).toBe(503)
    await end('0')
    await arrive()
    expect(await post()).toBe(503)
  })

  test('nobody gets one who did not ask before, or asks for something else, or too late', async () => {
    await full({ VIEWER_WAIT_S: '10' })
    await end('0')
    expect(await canProvision()).toBe(false)
    expect(await post()).toBe(503)
    expect(await post({ env: { A: '1' } })).toBe(503)
    expect(await post({ labels: { a: '1' } })).toBe(503)
    expect(await post({ host_port: 30_000 })).toBe(503)
    await rig.clock.advance(10_001)
    expect(await canProvision()).toBe(false)
    expect(await post()).toBe(503)
    expect(await post()).toBe(200)
  })

  test('an adopted engine is none: it may have viewers that nobody reported', async () => {
    await full()
    expect(await post()).toBe(503)
    await end('0')
    const { db } = rig.temp.store
    const [idle] = await all()
    const row = liveEngines(db).find(({ hostHttpPort }) => hostHttpPort === idle?.port)
    rig.temp.store.transact((tx) => updateEngine(tx, row?.id ?? '', { adoptedAt: rig.clock.now() }))
    expect(await post()).toBe(503)
  })

  test('an unhealthy or draining engine is none', async () => {
    await full()
    expect(await post()).toBe(503)
    await end('0')
    const [idle] = await all()
    await rig.json('POST', `/engines/${idle?.container_name}/drain`)
    expect(await post()).toBe(503)
  })
})

describe('when a proxy was last heard', () => {
  const heard = async () =>
    (await rig.json<{ proxies: { last_heard: string | null } }>('GET', '/orchestrator/status')).proxies
      .last_heard
  const now = () => new Date(rig.clock.now()).toISOString()

  test('is told of everything that acexy asks or reports, and of nothing that others do', async () => {
    await start(1)
    expect(await heard()).toBeNull()
    for (const path of ['/engines', '/streams', '/orchestrator/status'])
      await rig.request('GET', path, undefined, as(MONITOR))
    await rig.provision(as(MONITOR))
    expect(await heard()).toBeNull()
    for (const ask of [
      () => rig.request('GET', '/orchestrator/status', undefined, as(ACEXY)),
      () => list(),
      () => rig.request('GET', '/streams?container_id=x&status=started', undefined, as(ACEXY)),
      () => rig.provision(as(ACEXY)),
    ]) {
      await rig.clock.advance(1_000)
      const before = now()
      await ask()
      expect(await heard()).toBe(before)
    }
  })

  test('is told of another proxy as soon as it reports a stream', async () => {
    await start(1)
    const end = (agent: string) => rig.json('POST', '/events/stream_ended', { stream_id: 'x' }, as(agent))
    await end('other-proxy/1')
    const first = now()
    expect(await heard()).toBe(first)
    await rig.clock.advance(1_000)
    await rig.request('GET', '/orchestrator/status', undefined, as(MONITOR))
    expect(await heard()).toBe(first)
    await rig.request('GET', '/orchestrator/status', undefined, as('other-proxy/1'))
    expect(await heard()).toBe(now())
  })
})
