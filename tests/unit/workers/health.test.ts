import { afterEach, describe, expect, test } from 'bun:test'
import {
  type ProbeTarget,
  parseFromHealthWorker,
  parseToHealthWorker,
} from '../../../src/workers/health/health-protocol.ts'
import { probe } from '../../../src/workers/health/probe.ts'
import { type Address, parseFrameFromWorker, parseFrameToWorker } from '../../../src/workers/protocol.ts'
import { parseFromVpnWorker, parseToVpnWorker } from '../../../src/workers/vpn/vpn-protocol.ts'
import { until } from '../../support/docker.ts'
import { startHealthWorker, targetAt } from '../../support/health-worker.ts'
import { freePort } from '../../support/ports.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

const OK = { result: { playlist_loaded: true } }

/** An engine's HTTP interface with set answers. Counts its requests. */
function engine(answer: () => Response | Promise<Response>, port = 0) {
  let asked = 0
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port,
    fetch: () => {
      asked++
      return answer()
    },
  })
  cleanUps.push(() => server.stop(true))
  return { host: '127.0.0.1', port: server.port ?? 0, asked: () => asked, stop: () => server.stop(true) }
}
const healthy = () => engine(() => Response.json(OK))
const hung = () => engine(() => new Promise<Response>(() => undefined))

describe('a probe', () => {
  test('is good for a JSON object with a result', async () => {
    const { host, port } = healthy()
    expect(await probe([{ host, port }], 1_000)).toEqual({
      ok: true,
      error: null,
      address: { host, port },
      isAsked: true,
    })
  })

  test.each([
    ['HTTP 500', () => new Response('no', { status: 500 })],
    ['an answer without a result', () => Response.json({ error: 'no' })],
    ['an answer without a result', () => Response.json(null)],
    ['JSON', () => new Response('<html>')],
    ['HTTP 302', () => Response.redirect('http://127.0.0.1:9/elsewhere')],
  ])('is bad for %s, in words', async (words, answer) => {
    const { host, port } = engine(answer)
    const { ok, error } = await probe([{ host, port }], 1_000)
    expect(ok).toBe(false)
    expect(error).toStartWith(`${host}:${port}: `)
    expect(error).toContain(words)
  })

  test('says that nobody listens, or that nobody answers in time', async () => {
    const port = freePort()
    expect((await probe([{ host: '127.0.0.1', port }], 1_000)).error).toBe(
      `127.0.0.1:${port}: connection refused`,
    )
    const { host, port: silent } = hung()
    const startedMs = performance.now()
    expect((await probe([{ host, port: silent }], 100)).error).toBe(
      `${host}:${silent}: no answer within 100 ms`,
    )
    expect(performance.now() - startedMs).toBeLessThan(1_000)
  })

  test('asks all addresses at once and takes the one that answers', async () => {
    const silent = hung()
    const good = healthy()
    const addresses = [silent, { host: '127.0.0.1', port: freePort() }, good].map(({ host, port }) => ({
      host,
      port,
    }))
    expect(await probe(addresses, 5_000)).toMatchObject({ ok: true, address: { port: good.port } })
  })

  test('without an address is bad', async () => {
    expect(await probe([], 100)).toEqual({
      ok: false,
      error: 'no address is known',
      address: null,
      isAsked: true,
    })
  })
})

describe('the protocol', () => {
  test('drops what is no message, on both sides', () => {
    for (const message of [
      null,
      5,
      'stop',
      {},
      { type: 'nonsense' },
      { type: 'targets', targets: {} },
      { type: 'probe' },
    ]) {
      const parsers = [parseToHealthWorker, parseFromHealthWorker, parseToVpnWorker, parseFromVpnWorker]
      for (const parse of [...parsers, parseFrameFromWorker]) expect(parse(message)).toBeNull()
    }
    for (const message of [null, 5, 'stop', {}, { type: 'ready' }])
      expect(parseFrameToWorker(message)).toBeNull()
    expect(parseFrameToWorker({ type: 'stop' })).toEqual({ type: 'stop' })
    expect(parseFrameFromWorker({ type: 'ready' })).toEqual({ type: 'ready' })
  })

  const good = targetAt('one', { host: 'h', port: 1 })
  test.each<readonly [string, unknown]>([
    ['null', null],
    ['an empty object', {}],
    ['a port of 0', { ...good, addresses: [{ host: 'h', port: 0 }] }],
    ['a port beyond all', { ...good, addresses: [{ host: 'h', port: 70_000 }] }],
    ['an address without a host', { ...good, addresses: [{ host: '', port: 1 }] }],
    ['a session that is none', { ...good, sessions: [{}] }],
    ['a start without a time', { ...good, generation: Number.NaN }],
  ])('loses one target of a list for %s, and no other', (_, bad) => {
    const message = { type: 'targets', targets: [bad, good, bad] }
    expect(parseToHealthWorker(message)).toEqual({ type: 'targets', targets: [good], dropped: 2 })
  })
})

describe('the health worker', () => {
  function host(change: Parameters<typeof startHealthWorker>[0] = {}) {
    const started = startHealthWorker(change)
    cleanUps.push(() => started.health.stop())
    return started
  }

  const target = (id: string, address: Address, isBooting = false): ProbeTarget =>
    targetAt(id, address, { isBooting })

  test('reports every engine, and a hung one delays no other', async () => {
    const good = healthy()
    const bad = hung()
    const { health, facts } = host()
    health.setTargets([target('bad', bad), target('good', good)])
    await until('both were reported', () => facts.some(({ engineId }) => engineId === 'bad'))
    const goods = facts.filter(({ engineId, ok }) => engineId === 'good' && ok)
    expect(goods.length).toBeGreaterThan(1)
    expect(facts.find(({ engineId }) => engineId === 'bad')).toMatchObject({ ok: false, generation: 1 })
  })

  test('dates what it tells by the time of the main thread, whatever the clock of the machine says', async () => {
    const worker = startHealthWorker({ now: () => 5_000_000 })
    cleanUps.push(() => worker.health.stop())
    worker.health.setTargets([target('one', healthy())])
    await until('it was probed', () => worker.facts.length > 0)
    const [atMs = 0] = worker.facts.map((fact) => fact.atMs)
    expect(atMs).toBeGreaterThanOrEqual(5_000_000)
    expect(atMs).toBeLessThan(5_060_000)
  })

  test('keeps asking a booting engine, and tells its first good answer only', async () => {
    const port = freePort()
    const { health, facts } = host()
    health.setTargets([target('boots', { host: '127.0.0.1', port }, true)])
    // Nothing is reported while the engine refuses connections. Another engine's facts show that time passes.
    health.setTargets([target('boots', { host: '127.0.0.1', port }, true), target('other', healthy())])
    await until('time has passed', () => facts.filter(({ engineId }) => engineId === 'other').length > 2)
    expect(facts.filter(({ engineId }) => engineId === 'boots')).toEqual([])
    const upMs = Date.now()
    engine(() => Response.json(OK), port)
    const fact = await until('it was found', () => facts.find(({ engineId }) => engineId === 'boots'))
    expect(fact.ok).toBe(true)
    expect(fact.atMs - upMs).toBeLessThan(500)
  })

  test('probes no more what is no target any more', async () => {
    const good = healthy()
    const { health, facts } = host()
    health.setTargets([target('one', good)])
    await until('it was probed', () => facts.length > 0)
    health.setTargets([target('two', healthy())])
    await until('the other was probed', () => facts.some(({ engineId }) => engineId === 'two'))
    const asked = good.asked()
    const before = facts.length
    await until('some rounds have passed', () => facts.length > before + 5)
    expect(good.asked()).toBe(asked)
  })

  test('is started anew when it dies, with the targets that it had', async () => {
    const { health, facts, workers, troubles, lost } = host()
    health.setTargets([target('one', healthy())])
    await until('it was probed', () => facts.length > 0)
    workers[0]?.terminate()
    await until('it was found dead', () => troubles.length > 0)
    expect(lost()).toBe(1)
    const before = facts.length
    await until('it is probed again', () => facts.length > before)
    expect(workers).toHaveLength(2)
  })

  test('one that throws at its start is tried again, and nothing else is harmed', async () => {
    const url = URL.createObjectURL(
      new Blob(['throw new Error("broken")'], { type: 'application/javascript' }),
    )
    const { troubles, workers } = host({ spawn: () => new Worker(url) })
    await until('it was tried twice', () => workers.length > 2)
    // Several deaths in a row are one outage.
    expect(troubles).toEqual([expect.stringContaining('ended')])
  })

  test('one that answers again is asked again soon, whatever the interval', async () => {
    let answers = false
    const recovering = engine(() => (answers ? Response.json(OK) : new Response('', { status: 503 })))
    const { health, facts } = host({ intervalMs: 2_500 })
    health.setTargets([target('one', recovering)])
    await until('it failed', () => facts.length > 0)
    answers = true
    await until('it answered three times', () => facts.filter(({ ok }) => ok).length === 3)
    const [first = 0, , third = 0] = facts.filter(({ ok }) => ok).map(({ atMs }) => atMs)
    // Two intervals would take at least this long.
    expect(third - first).toBeLessThan(2_450)
  })

  test('stops by message, at once', async () => {
    const { health, facts } = host()
    health.setTargets([target('one', healthy())])
    await until('it was probed', () => facts.length > 0)
    const startedMs = performance.now()
    await health.stop()
    expect(performance.now() - startedMs).toBeLessThan(400)
  })
})
