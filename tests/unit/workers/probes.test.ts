import { afterEach, describe, expect, test } from 'bun:test'
import { HealthProbes } from '../../../src/workers/health/health-probes.ts'
import type { BootFact, ProbeFact } from '../../../src/workers/health/health-protocol.ts'
import { until } from '../../support/docker.ts'
import { targetAt } from '../../support/health-worker.ts'
import { freePort } from '../../support/ports.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

/** Acts as an engine and keeps the times of its requests. */
function engine(
  answer: () => Response | Promise<Response> = () => Response.json({ result: {} }),
  port = 0,
  hostname = '127.0.0.1',
) {
  const askedMs: number[] = []
  const server = Bun.serve({
    hostname,
    port,
    fetch: () => {
      askedMs.push(performance.now())
      return answer()
    },
  })
  const stop = () => server.stop(true)
  cleanUps.push(stop)
  return { askedMs, stop, address: { host: hostname, port: server.port ?? 0 } }
}

/** Probes without a worker thread. Reported facts go to `facts`. */
function probesOf(intervalMs: number, timeoutMs = 1_000) {
  const facts: ProbeFact[] = []
  const boots: BootFact[] = []
  const probes = new HealthProbes({
    report: (fact) => facts.push(fact),
    reportUnasked: () => undefined,
    reportBoot: (fact) => boots.push(fact),
    now: Date.now,
  })
  probes.configure({ intervalMs, timeoutMs, bootIntervalMs: 20 })
  cleanUps.push(() => probes.stop())
  const of = (engineId: string) => facts.filter((fact) => fact.engineId === engineId)
  return { probes, facts, boots, of }
}

describe('the probes', () => {
  test('reach an engine by IPv6', async () => {
    const there = engine(undefined, 0, '::1')
    const { probes, facts } = probesOf(50)
    probes.setTargets([targetAt('one', there.address)])
    await until('it answers', () => facts.length > 0)
    expect(facts[0]).toMatchObject({ ok: true, error: null })
  })

  test('find the address that answers, whatever is advertised, and keep to it', async () => {
    const stranger = engine(() => new Response('no', { status: 404 }))
    const good = engine()
    const { probes, facts } = probesOf(50)
    const addresses = [{ host: '127.0.0.1', port: freePort() }, stranger.address, good.address]
    probes.setTargets([targetAt('one', stranger.address, { addresses })])
    await until('it was probed some times', () => facts.length > 4)
    expect(facts.every(({ ok }) => ok)).toBe(true)
    expect(probes.addressesOf('one')).toEqual([good.address])
    expect(stranger.askedMs).toHaveLength(1)
  })

  test('go back to all addresses when the one that was kept to fails', async () => {
    const first = engine()
    const second = engine(() => new Response('not yet', { status: 503 }))
    const { probes, facts } = probesOf(50)
    const addresses = [first.address, second.address]
    probes.setTargets([targetAt('one', first.address, { addresses })])
    await until('the first is kept to', () => facts.length > 1)
    expect(probes.addressesOf('one')).toEqual([first.address])
    await second.stop()
    const third = engine(undefined, second.address.port)
    await first.stop()
    await until('it has failed', () => facts.some(({ ok }) => !ok))
    await until('it answers elsewhere', () => facts.at(-1)?.ok)
    expect(third.askedMs.length).toBeGreaterThan(0)
    expect(probes.addressesOf('one')).toEqual([third.address])
    // The earlier address was tried alone once, and that was the only failure.
    expect(facts.filter(({ ok }) => !ok)).toHaveLength(1)
  })

  test('know no address of what they do not probe, and forget the one of an earlier start', async () => {
    const one = engine()
    const other = { host: '127.0.0.1', port: freePort() }
    const { probes, facts } = probesOf(60_000)
    const addresses = [one.address, other]
    probes.setTargets([targetAt('one', one.address, { addresses })])
    await until('it was probed', () => facts.length > 0)
    expect([probes.addressesOf('one'), probes.addressesOf('none')]).toEqual([[one.address], []])
    probes.setTargets([targetAt('one', one.address, { addresses, generation: 2 })])
    expect(probes.addressesOf('one')).toEqual(addresses)
    await until('it was probed anew', () => facts.some(({ generation }) => generation === 2))
    expect(probes.addressesOf('one')).toEqual([one.address])
  })

  test('tell how often a booting engine was asked in vain, and why, about once a second', async () => {
    const { probes, facts, boots } = probesOf(60_000)
    const silent = { host: '127.0.0.1', port: freePort() }
    probes.setTargets([targetAt('one', silent, { isBooting: true })])
    await until('it was told twice', () => boots.length === 2)
    const [first, second] = boots
    expect(first).toMatchObject({ engineId: 'one', generation: 1, probes: 1 })
    expect(first?.error).toBe(`127.0.0.1:${silent.port}: connection refused`)
    // Asked every 20 ms, and told once a second.
    expect(second?.probes).toBeWithin(5, 60)
    expect(facts).toEqual([])
    const up = engine(undefined, silent.port)
    await until('it is up', () => facts.length > 0)
    expect([facts[0]?.ok, up.askedMs.length > 0]).toEqual([true, true])
  })

  test('are spread over the interval by chance, each engine once in it', async () => {
    const intervalMs = 600
    const engines = Array.from({ length: 12 }, () => engine())
    const { probes, of } = probesOf(intervalMs)
    probes.setTargets(engines.map(({ address }, index) => targetAt(`${index}`, address)))
    await until('each was probed four times', () => engines.every(({ askedMs }) => askedMs.length > 3))
    for (const [index, { askedMs }] of engines.entries()) {
      const gaps = askedMs.slice(1).map((ms, round) => ms - (askedMs[round] ?? 0))
      // The time of an answer, and delays on a busy machine, are added.
      for (const gapMs of gaps) expect(gapMs).toBeWithin(intervalMs / 2 - 2, intervalMs + 400)
      expect(of(`${index}`).every(({ ok }) => ok)).toBe(true)
    }
    // All began at once. If the twelve stayed together, they would be within some milliseconds of each other.
    const second = engines.map(({ askedMs }) => askedMs[1] ?? 0)
    expect(Math.max(...second) - Math.min(...second)).toBeGreaterThan(intervalMs / 10)
  })

  test('are made at once, and each ends at its deadline', async () => {
    const hung = Array.from({ length: 40 }, () => engine(() => new Promise<Response>(() => undefined)))
    const { probes, facts } = probesOf(60_000, 200)
    const startedMs = performance.now()
    probes.setTargets(hung.map(({ address }, index) => targetAt(`${index}`, address)))
    await until('all have failed', () => facts.length === 40)
    // One after the other they would take 8 s.
    expect(performance.now() - startedMs).toBeWithin(195, 3_000)
    expect(facts.every(({ ok, error }) => !ok && error?.endsWith('no answer within 200 ms'))).toBe(true)
  })

  /** An engine that never answers. Counts its requests: in total, open now, and most at a time. */
  function hangingEngine() {
    const open = { ever: 0, now: 0, most: 0 }
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: ({ signal }) => {
        open.ever++
        open.now++
        open.most = Math.max(open.most, open.now)
        signal.addEventListener('abort', () => open.now--)
        return new Promise<Response>(() => undefined)
      },
    })
    cleanUps.push(() => server.stop(true))
    const answer = () => server.reload({ fetch: () => Response.json({ result: {} }) })
    return { open, answer, address: { host: '127.0.0.1', port: server.port ?? 0 } }
  }

  test('ask one that boots and hangs one question at a time, and find it when it answers the next', async () => {
    const { open, answer, address } = hangingEngine()
    const { probes, facts } = probesOf(60_000)
    probes.setTargets([targetAt('one', address, { isBooting: true })])
    await until('some questions were given up', () => open.ever > 5)
    // The end of one request may be seen there just after the beginning of the next.
    expect(open.most).toBeLessThanOrEqual(2)
    answer()
    await until('it is found', () => facts.length > 0)
    expect(facts[0]?.ok).toBe(true)
  })

  test('find one that boots and takes its time for every answer', async () => {
    const slow = engine(async () => {
      await new Promise((resolve) => setTimeout(resolve, 400))
      return Response.json({ result: {} })
    })
    const { probes, facts } = probesOf(60_000)
    probes.setTargets([targetAt('one', slow.address, { isBooting: true })])
    await until('it is found', () => facts.length > 0)
    expect(facts[0]?.ok).toBe(true)
  })

  test('ask one that comes into doubt at once, and again and again', async () => {
    const { askedMs, address } = engine()
    const { probes } = probesOf(60_000)
    probes.setTargets([targetAt('one', address)])
    await until('it is asked', () => askedMs.length === 1)
    probes.setTargets([targetAt('one', address, { isInDoubt: true })])
    await until('it is asked at once', () => askedMs.length === 2, 500)
    await until('it is asked again', () => askedMs.length === 3, 3_000)
  })

  test('give up the question to what leaves the list, and to an earlier start', async () => {
    const { open, address } = hangingEngine()
    const { probes } = probesOf(60_000, 60_000)
    probes.setTargets([targetAt('one', address)])
    await until('it is asked', () => open.now === 1)
    probes.setTargets([targetAt('one', address, { generation: 2 })])
    await until('it is asked anew', () => open.ever === 2)
    await until('the first question is given up', () => open.now === 1)
    probes.setTargets([])
    await until('all are given up', () => open.now === 0)
  })
})
