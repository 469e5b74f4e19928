import { afterEach, describe, expect, test } from 'bun:test'
import type { NetworkFact } from '../../../src/workers/health/health-protocol.ts'
import { askNetwork } from '../../../src/workers/health/network-ask.ts'
import { NetworkPolls } from '../../../src/workers/health/network-polls.ts'
import type { Address } from '../../../src/workers/protocol.ts'
import { TestEngine } from '../../emulators/engine/testing/harness.ts'
import { until } from '../../support/docker.ts'
import { startHealthWorker, targetAt } from '../../support/health-worker.ts'
import { freePort } from '../../support/ports.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

const QUESTION = '/server/api?api_version=3&method=get_network_connection_status'
const HOUR_MS = 3_600_000
const says = (connected: unknown) => () => Response.json({ result: { connected } })
const never = () => new Promise<Response>(() => undefined)

/** Acts as an engine and keeps its requests with their times. */
function engine(answer: () => Response | Promise<Response>) {
  const asked: { readonly url: string; readonly atMs: number }[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url }) => {
      const { pathname, search } = new URL(url)
      asked.push({ url: pathname + search, atMs: performance.now() })
      return answer()
    },
  })
  cleanUps.push(() => server.stop(true))
  return { asked, address: { host: '127.0.0.1', port: server.port ?? 0 } }
}

describe('the answer about the connection of an engine', () => {
  const ask = (answer: () => Response | Promise<Response>, timeoutMs = 1_000) =>
    askNetwork([engine(answer).address], timeoutMs)

  test.each([true, false])('is its own word: %p', async (connected) => {
    const { address, asked } = engine(says(connected))
    expect(await askNetwork([address], 1_000)).toBe(connected)
    expect(asked.map(({ url }) => url)).toEqual([QUESTION])
  })

  test.each([
    ['a word that is neither', says('true')],
    ['no word', () => Response.json({ result: {} })],
    ['an error', () => Response.json({ error: { message: 'unknown method', code: 0 } })],
    ['a result that is none', () => Response.json({ result: null })],
    ['JSON of another kind', () => Response.json([true])],
    ['null', () => Response.json(null)],
    ['what is no JSON', () => new Response('<html>')],
    ['another status', () => Response.json({ result: { connected: false } }, { status: 500 })],
    ['a redirection', () => Response.redirect('http://127.0.0.1:9/elsewhere')],
    [
      'a body that is too long',
      () => Response.json({ result: { connected: false }, pad: 'x'.repeat(70_000) }),
    ],
  ])('is none for %s', async (_, answer) => {
    expect(await ask(answer)).toBeNull()
  })

  test('is none where nobody listens or answers in time, and without an address', async () => {
    const startedMs = performance.now()
    expect(await askNetwork([{ host: '127.0.0.1', port: freePort() }], 1_000)).toBeNull()
    expect(await ask(never, 100)).toBeNull()
    expect(await askNetwork([], 1_000)).toBeNull()
    expect(performance.now() - startedMs).toBeLessThan(1_500)
  })

  test('of several addresses is the first that says either, without a wait for the others', async () => {
    const addresses = [never, () => new Response('no', { status: 404 }), says(false)].map(
      (answer) => engine(answer).address,
    )
    const startedMs = performance.now()
    expect(await askNetwork(addresses, 10_000)).toBe(false)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })
})

describe('the polls of connections', () => {
  /** Polls without a worker thread. Reported facts go to `facts`. */
  function polls(addressesOf: (engineId: string) => readonly Address[], timeoutMs = 1_000) {
    const facts: NetworkFact[] = []
    const started = new NetworkPolls({
      now: Date.now,
      addressesOf,
      report: (answers) => facts.push(...answers),
    })
    started.configure({ timeoutMs })
    cleanUps.push(() => started.stop())
    return { polls: started, facts }
  }

  const listed = (engineId: string, networkIntervalMs: number | null, generation = 1) =>
    targetAt(engineId, { host: 'not.asked', port: 1 }, { networkIntervalMs, generation })

  test('come at once for what is new, once in the interval of each, and never without one', async () => {
    const engines = { often: engine(says(true)), seldom: engine(says(false)), never: engine(says(true)) }
    const { polls: started, facts } = polls((id) => [engines[id as keyof typeof engines].address])
    const startedMs = performance.now()
    started.setTargets([listed('often', 100), listed('seldom', HOUR_MS), listed('never', null)])
    await until('one was asked some times', () => engines.often.asked.length > 4)
    // Each timer may be early because of rounding to whole milliseconds.
    for (const [at, { atMs }] of engines.often.asked.entries())
      expect(atMs - startedMs).toBeGreaterThanOrEqual(at * 98)
    expect([engines.seldom.asked.length, engines.never.asked.length]).toEqual([1, 0])
    expect(facts.find(({ engineId }) => engineId === 'seldom')).toMatchObject({
      ...{ generation: 1, connected: false },
    })
  })

  test('tell each answer, and nothing where there is none', async () => {
    const answers = [says(true), says(false), never, () => new Response('no', { status: 500 }), says(true)]
    const one = engine(() => answers[Math.min(one.asked.length, answers.length) - 1]?.() ?? never())
    const { polls: started, facts } = polls(() => [one.address], 100)
    started.setTargets([listed('one', 10)])
    await until('it was asked for all', () => facts.length > 3)
    expect(facts.slice(0, 4).map(({ connected }) => connected)).toEqual([true, false, true, true])
  })

  test('tell what comes at about one time in one message', async () => {
    const addresses = new Map(
      Array.from({ length: 8 }, (_, index) => [`engine-${index}`, engine(says(true)).address]),
    )
    const messages: (readonly NetworkFact[])[] = []
    const addressesOf = (id: string) => [addresses.get(id) ?? { host: 'not.there', port: 1 }]
    const started = new NetworkPolls({
      now: Date.now,
      addressesOf,
      report: (answers) => messages.push(answers),
    })
    cleanUps.push(() => started.stop())
    started.setTargets([...addresses.keys()].map((id) => listed(id, HOUR_MS)))
    await until('all are told', () => messages.flat().length === 8)
    expect(messages.length).toBeLessThan(8)
    expect(new Set(messages.flat().map(({ engineId }) => engineId)).size).toBe(8)
  })

  test('put one question at a time, and one that hangs delays no other', async () => {
    const hung = engine(never)
    const well = engine(says(true))
    const { polls: started } = polls((id) => [id === 'hung' ? hung.address : well.address], 60_000)
    started.setTargets([listed('hung', 20), listed('well', 20)])
    await until('the other was asked some times', () => well.asked.length > 5)
    started.setTargets([listed('hung', 10), listed('well', 20)])
    const before = well.asked.length
    await until('the other was asked again', () => well.asked.length > before + 5)
    expect(hung.asked).toHaveLength(1)
  })

  test('are given up after three seconds at the latest', async () => {
    const hung = engine(never)
    const { polls: started } = polls(() => [hung.address], 60_000)
    started.setTargets([listed('hung', 10)])
    await until('it was asked again', () => hung.asked.length > 1)
    const [first, second] = hung.asked.map(({ atMs }) => atMs)
    expect((second ?? 0) - (first ?? 0)).toBeWithin(2_900, 4_900)
  })

  test('take up a shorter interval at once, and a longer one after one more question at most', async () => {
    const one = engine(says(true))
    const { polls: started, facts } = polls(() => [one.address])
    started.setTargets([listed('one', HOUR_MS)])
    await until('it was asked', () => facts.length === 1)
    started.setTargets([listed('one', 50)])
    await until('it was asked some times', () => facts.length > 2)
    started.setTargets([listed('one', HOUR_MS)])
    const before = one.asked.length
    // Another engine's polls show that time passes.
    const other = engine(says(true))
    const { polls: others } = polls(() => [other.address])
    others.setTargets([listed('other', 50)])
    await until('some intervals have passed', () => other.asked.length > 5)
    expect(one.asked.length - before).toBeLessThan(2)
  })

  test('keep their time when the same list comes again', async () => {
    const one = engine(says(true))
    const { polls: started, facts } = polls(() => [one.address])
    const startedMs = performance.now()
    started.setTargets([listed('one', 150)])
    await until('it was asked four times', () => {
      started.setTargets([listed('one', 150)])
      return facts.length > 3
    })
    for (const [at, { atMs }] of one.asked.entries())
      expect(atMs - startedMs).toBeGreaterThanOrEqual(at * 148)
  })

  test('end for what leaves the list, also while it is being asked', async () => {
    const held = Promise.withResolvers<Response>()
    const leaving = engine(() => held.promise)
    const staying = engine(says(true))
    const { polls: started, facts } = polls((id) => [id === 'leaves' ? leaving.address : staying.address])
    started.setTargets([listed('leaves', 10), listed('stays', 10)])
    await until('it is being asked', () => leaving.asked.length === 1)
    started.setTargets([listed('leaves', null), listed('stays', 10)])
    held.resolve(says(false)())
    const before = facts.length
    await until('the other was asked some times', () => facts.length > before + 5)
    expect(new Set(facts.map(({ engineId }) => engineId))).toEqual(new Set(['stays']))
    expect(leaving.asked).toHaveLength(1)
  })

  test('of another start of the engine are new ones, and the answer of before is dropped', async () => {
    const answers = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()]
    const one = engine(() => answers[one.asked.length - 1]?.promise ?? never())
    const { polls: started, facts } = polls(() => [one.address])
    started.setTargets([listed('one', HOUR_MS, 1)])
    await until('it is being asked', () => one.asked.length === 1)
    started.setTargets([listed('one', HOUR_MS, 2)])
    await until('it is being asked anew', () => one.asked.length === 2)
    answers[0]?.resolve(says(false)())
    answers[1]?.resolve(says(true)())
    await until('it is told', () => facts.length > 0)
    expect(facts).toMatchObject([{ generation: 2, connected: true }])
  })
})

describe('the health worker', () => {
  function worker(change: Parameters<typeof startHealthWorker>[0] = {}) {
    const started = startHealthWorker(change)
    cleanUps.push(() => started.health.stop())
    return started
  }

  test('tells of an engine that loses its connection and gets it back, which answers probes all the time', async () => {
    await using emulated = await TestEngine.start()
    const { health, networks, facts } = worker()
    const address = { host: '127.0.0.1', port: emulated.ports.http }
    health.setTargets([targetAt('one', address, { generation: 3, networkIntervalMs: 30 })])
    const first = await until('it is told', () => networks[0])
    expect(first).toMatchObject({ engineId: 'one', generation: 3, connected: true })
    await emulated.setFaults({ disconnected: true })
    await until('it is told to be cut off', () => networks.at(-1)?.connected === false)
    await emulated.setFaults({ disconnected: false })
    await until('it is told to be back', () => networks.at(-1)?.connected)
    expect(facts.every(({ ok }) => ok)).toBe(true)
  })

  test('asks where the last probe was answered, and elsewhere nothing but that', async () => {
    const path = (url: string) => new URL(url, 'http://h').searchParams.get('method')
    const well = engine(() => Response.json({ result: { connected: true } }))
    const stranger = engine(() => new Response('no', { status: 404 }))
    const { health, facts, networks } = worker()
    const addresses = [stranger.address, well.address]
    health.setTargets([targetAt('one', well.address, { addresses })])
    await until('it was probed', () => facts.length > 0)
    health.setTargets([targetAt('one', well.address, { addresses, networkIntervalMs: 20 })])
    await until('it was asked some times', () => networks.length > 3)
    expect(new Set(stranger.asked.map(({ url }) => path(url)))).toEqual(new Set(['get_status']))
  })
})
