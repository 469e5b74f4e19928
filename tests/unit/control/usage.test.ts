import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { EngineStats, EngineUse } from '../../../src/http/usage-schemas.ts'
import { IMAGE, LABEL, Rig } from '../../support/rig.ts'

/* What engines use is collected in the background, and what is asked for comes from memory. */

type Stats = (typeof EngineStats)['static']
type Use = (typeof EngineUse)['static']

let rig: Rig
let asked: string[]
beforeEach(async () => {
  rig = await build({})
})
afterEach(() => rig.dispose())

async function build(env: Readonly<Record<string, string>>): Promise<Rig> {
  const made = await new Rig({
    AUTO_DELETE: 'false',
    STARTUP_TIMEOUT_S: '600',
    MIN_FREE_REPLICAS: '0',
    ...env,
  }).start()
  asked = []
  made.runtime.faults.decide = ({ verb, subject }) => {
    if (verb === 'usage') asked.push(subject ?? '')
    return null
  }
  return made
}

async function engine(body: object = {}): Promise<string> {
  const answer = await rig.provision({}, body)
  return ((await answer.json()) as { container_id: string }).container_id
}

const stats = (id: string) => rig.json<Stats>('GET', `/engines/${id}/stats`)

describe('what an engine uses', () => {
  test('is not known at first, then its counters, then its rates', async () => {
    const id = await engine()
    expect(await stats(id)).toEqual({
      container_id: id,
      container_name: 'acestream-1',
      collected_at: null,
      ...{ cpu: null, memory: null, network: null, block_io: null },
    })
    await rig.clock.advance(6_000)
    rig.runtime.use(id, { cpuMs: 100, memoryBytes: 5_000, blocks: { readBytes: 1, writtenBytes: 2 } })
    await rig.clock.advance(6_000)
    expect(await stats(id)).toMatchObject({ cpu: { share: null }, memory: { bytes: 5_000 } })
    rig.runtime.use(id, { cpuMs: 2_600 })
    rig.runtime.addTraffic(id, 50_000, 5_000)
    await rig.clock.advance(5_000)
    expect(await stats(id)).toMatchObject({
      cpu: { cores: 0.5, limit_cores: null, share: null },
      memory: { bytes: 5_000, limit_bytes: null, share: null },
      network: {
        received_bytes: 50_000,
        sent_bytes: 5_000,
        received_per_second: 10_000,
        sent_per_second: 1_000,
      },
      block_io: { read_bytes: 1, written_bytes: 2 },
    })
  })

  test('is set against the limits that the template gives, of its own engines only', async () => {
    await rig.dispose()
    rig = await build({ ENGINE_CPUS: '2', ENGINE_MEMORY_LIMIT: '64m' })
    const id = await engine()
    const use = (cpuMs: number) => rig.runtime.use(id, { cpuMs, memoryBytes: 16 * 1024 * 1024 })
    const collected = async () => {
      await stats(id)
      use(0)
      await rig.clock.advance(11_000)
      use(5_000)
      await rig.clock.advance(5_000)
      return stats(id)
    }
    expect(await collected()).toMatchObject({
      cpu: { cores: 1, limit_cores: 2, share: 0.5 },
      memory: { limit_bytes: 64 * 1024 * 1024, share: 0.25 },
    })
    await rig.restart({ ENGINE_CPUS: '4', ENGINE_MEMORY_LIMIT: '64m' })
    expect(await collected()).toMatchObject({
      cpu: { limit_cores: null, share: null },
      memory: { limit_bytes: null, share: null },
    })
  })

  test('has no network where it uses that of a node', async () => {
    const owner = rig.runtime.createOutside({
      ...{ name: 'gluetun', image: IMAGE, env: {}, labels: {}, ports: [], publishAddress: '', network: null },
      ...{ memoryBytes: null, cpus: null },
    })
    rig.runtime.startOutside(owner)
    const joined = rig.runtime.createOutside({
      ...{ name: 'acestream-77', image: IMAGE, env: {}, ports: [], publishAddress: '' },
      ...{ network: `container:${owner}`, memoryBytes: null, cpus: null },
      labels: {
        [LABEL.key]: LABEL.value,
        'acestream.http_port': '6878',
        'acestream.https_port': '6879',
        'host.http_port': '19050',
      },
    })
    rig.runtime.startOutside(joined)
    await rig.clock.advance(5_000)
    await stats('acestream-77')
    rig.runtime.addTraffic(owner, 1_000)
    await rig.clock.advance(31_000)
    expect(await stats('acestream-77')).toMatchObject({ network: null, memory: { bytes: 1_000_000 } })
  })

  test('is told of all live engines in one answer, with the same figures, and asks nobody', async () => {
    const [one, other] = [await engine(), await engine()]
    const all = () => rig.json<Use[]>('GET', '/engines/stats')
    expect(
      (await all()).map(({ container_id, collected_at, cpu }) => [container_id, collected_at, cpu]),
    ).toEqual([
      [one, null, null],
      [other, null, null],
    ])
    rig.runtime.use(one, { cpuMs: 100, memoryBytes: 5_000 })
    await rig.clock.advance(6_000)
    rig.runtime.use(one, { cpuMs: 2_600 })
    await rig.clock.advance(5_000)
    const before = asked.length
    const { network, block_io, ...same } = await stats(one)
    expect(same).toMatchObject({ cpu: { cores: 0.5 }, memory: { bytes: 5_000 } })
    expect(await all()).toMatchObject([same, { container_id: other }])
    expect(asked).toHaveLength(before)
    await rig.request('DELETE', `/containers/${one}`)
    expect((await all()).map(({ container_id }) => container_id)).toEqual([other])
  })

  test('is collected often while somebody asks for all', async () => {
    await engine()
    await rig.clock.advance(5_000)
    await rig.json<Use[]>('GET', '/engines/stats')
    await rig.clock.advance(30_000)
    expect(asked.length).toBeWithin(4, 8)
  })

  test('begins anew with another start of its container, and is forgotten with the engine', async () => {
    const id = await engine()
    await stats(id)
    await rig.clock.advance(31_000)
    expect((await stats(id)).collected_at).not.toBeNull()
    await rig.runtime.restartOutside(id)
    await rig.clock.advance(100)
    expect((await stats(id)).collected_at).toBeNull()
    await rig.clock.advance(5_000)
    expect((await stats(id)).cpu).toBeNull()
    await rig.request('DELETE', `/containers/${id}`)
    const answer = await rig.request('GET', `/engines/${id}/stats`)
    expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'engine_not_found' }])
  })
})

describe('the collection', () => {
  test('asks about each running engine every 30 s, and every 5 s for a minute after somebody asked', async () => {
    const [one, other] = [await engine(), await engine()]
    await rig.clock.advance(5_000)
    expect(asked.toSorted()).toEqual([one, other].toSorted())
    await rig.clock.advance(25_000)
    expect(asked).toHaveLength(2)
    await rig.clock.advance(30_000)
    expect(asked).toHaveLength(4)
    await stats(one)
    await rig.clock.advance(60_000)
    const while1 = asked.length
    expect(while1).toBeWithin(4 + 20, 4 + 27)
    await rig.clock.advance(60_000)
    expect(asked.length - while1).toBeWithin(2, 8)
  })

  test('is never caused by a request', async () => {
    const id = await engine()
    await rig.clock.advance(5_000)
    const before = asked.length
    for (let times = 0; times < 50; times++) await stats(id)
    expect(asked).toHaveLength(before)
  })

  test('asks eight at a time, and nothing while Docker does not answer', async () => {
    await rig.dispose()
    rig = await build({ MAX_REPLICAS: '20', PORT_RANGE_HOST: '19000-19099' })
    for (let count = 0; count < 12; count++) await engine()
    await rig.clock.advance(40_000)
    asked = []
    rig.runtime.freeze()
    await rig.clock.advance(30_000)
    // Of the round that Docker's silence fell into, whose questions end by their own deadline.
    expect(asked.length).toBeLessThanOrEqual(8)
    const before = asked.length
    await rig.clock.advance(120_000)
    expect(asked).toHaveLength(before)
    rig.runtime.thaw()
    await rig.clock.advance(40_000)
    expect(asked.length).toBeGreaterThanOrEqual(before + 12)
  })

  test('leaves out what does not run', async () => {
    const id = await engine()
    rig.runtime.pause(id)
    await rig.clock.advance(60_000)
    expect(asked).toEqual([])
  })
})
