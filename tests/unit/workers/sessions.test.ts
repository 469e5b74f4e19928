import { afterEach, describe, expect, test } from 'bun:test'
import { parseToHealthWorker, type SessionFact } from '../../../src/workers/health/health-protocol.ts'
import { askSession } from '../../../src/workers/health/session-ask.ts'
import { SessionPolls } from '../../../src/workers/health/session-polls.ts'
import type { Address } from '../../../src/workers/protocol.ts'
import { TestEngine } from '../../emulators/engine/testing/harness.ts'
import { figures } from '../../support/builders.ts'
import { until } from '../../support/docker.ts'
import { startHealthWorker, targetAt } from '../../support/health-worker.ts'
import { freePort } from '../../support/ports.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

const PATH = '/ace/stat/abc/session'
const UNKNOWN = { response: null, error: 'unknown playback session id' }
const serving = (downloaded: unknown) => ({ response: { status: 'dl', downloaded }, error: null })
const neverAnswers = () => new Promise<Response>(() => undefined)

/** Acts as an engine and keeps its requests with their times. */
function engine(answer: (path: string) => Response | Promise<Response>) {
  const asked: { readonly url: string; readonly atMs: number }[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url }) => {
      const { pathname, search } = new URL(url)
      asked.push({ url: pathname + search, atMs: performance.now() })
      return answer(pathname)
    },
  })
  cleanUps.push(() => server.stop(true))
  return { asked, address: { host: '127.0.0.1', port: server.port ?? 0 } }
}

describe('the answer about a session', () => {
  const ask = (answer: () => Response | Promise<Response>, timeoutMs = 1_000) =>
    askSession([engine(answer).address], PATH, timeoutMs)

  test.each([
    ['a figure', serving(1_234), figures({ status: 'dl', downloaded: 1_234 })],
    ['none yet', { response: {}, error: null }, null],
    ['a figure that is none', serving('a'), figures({ status: 'dl' })],
    ['no word of an error', { response: { downloaded: 0 } }, figures({ downloaded: 0 })],
  ])('is that it serves, with %s', async (_, body, told) => {
    expect(await ask(() => Response.json(body))).toEqual({ state: 'serves', figures: told })
  })

  test.each(['unknown playback session id', 'Error: Unknown Playback Session ID "abc"'])(
    'is that it has ended, for %p',
    async (error) => {
      const answer = await ask(() => Response.json({ response: null, error }))
      expect(answer).toEqual({ state: 'ended', figures: null })
    },
  )

  test.each([
    ['another error', () => Response.json({ response: null, error: 'failed to load content' })],
    ['no error and no response', () => Response.json({ response: null, error: null })],
    ['a response with an error', () => Response.json({ response: { downloaded: 1 }, error: 'no' })],
    ['a response that is no object', () => Response.json({ response: 'ok', error: null })],
    ['JSON of another kind', () => Response.json([UNKNOWN])],
    ['what is no JSON', () => new Response('<html>unknown playback session id</html>')],
    ['another status', () => Response.json(UNKNOWN, { status: 500 })],
    ['a redirection', () => Response.redirect('http://127.0.0.1:9/elsewhere')],
    ['a body that is too long', () => Response.json({ ...serving(1), padding: 'x'.repeat(70_000) })],
  ])('is silence for %s', async (_, answer) => {
    expect(await ask(answer)).toEqual({ state: 'silent', figures: null })
  })

  test('is silence where nobody listens, answers, or ends the answer in time, and without an address', async () => {
    const silent = { state: 'silent', figures: null } as const
    const startedMs = performance.now()
    expect(await askSession([{ host: '127.0.0.1', port: freePort() }], PATH, 1_000)).toEqual(silent)
    expect(await ask(neverAnswers, 100)).toEqual(silent)
    expect(await ask(() => new Response(endless('{"response":')), 100)).toEqual(silent)
    expect(await askSession([], PATH, 1_000)).toEqual(silent)
    expect(performance.now() - startedMs).toBeLessThan(2_000)
  })

  test('of several addresses is that of the one that serves it, without a wait for the others', async () => {
    const addresses = [neverAnswers, () => Response.json(UNKNOWN), () => Response.json(serving(5))].map(
      (answer) => engine(answer).address,
    )
    expect(await askSession(addresses, PATH, 10_000)).toMatchObject({
      state: 'serves',
      figures: { downloaded: 5 },
    })
  })

  test('of several addresses is an end only where all of them say so', async () => {
    const ended = engine(() => Response.json(UNKNOWN)).address
    const refused = { host: '127.0.0.1', port: freePort() }
    expect((await askSession([ended, ended], PATH, 1_000)).state).toBe('ended')
    expect((await askSession([ended, refused], PATH, 1_000)).state).toBe('silent')
  })
})

describe('the protocol', () => {
  test('leaves out sessions whose path is not that of a statistics call, and keeps the rest', () => {
    const paths = [
      '',
      '/',
      '/ace/stat',
      '/ace/stat/',
      '/ace/statistics/a',
      '/ace/cmd/a/b',
      '/server/api',
      '@elsewhere/ace/stat/a/b',
      '//elsewhere/ace/stat/a/b',
      'http://elsewhere/ace/stat/a/b',
      ' /ace/stat/a/b',
      '/ace/stat/a/b\n',
      '/ace/stat/a b',
      '/ace/stat/..',
      '/ace/stat/../cmd/a',
      '/ace/stat/a/../../../server/api',
      '/ace/stat/a/%2e%2e/b',
      '/ace/stat/a\\..\\b',
      '/ace/stat/a/b?method=stop',
      '/ace/stat/a/b#c',
      '/ace/stat/a//b',
      PATH,
      '/ace/stat/a/b.c/~d_e-f..g',
    ]
    const sessions = paths.map((path, streamRowId) => ({ streamRowId, path }))
    const target = targetAt('one', { host: 'h', port: 1 }, { sessions })
    expect(parseToHealthWorker({ type: 'targets', targets: [target] })).toEqual({
      type: 'targets',
      targets: [{ ...target, sessions: sessions.slice(-2) }],
      dropped: 0,
    })
  })
})

describe('the polls of sessions', () => {
  /** Polls without a worker thread. Reported facts go to `facts`. */
  function polls(addresses: () => readonly Address[], sessionIntervalMs = 100) {
    const facts: SessionFact[] = []
    const started = new SessionPolls({
      now: Date.now,
      addressesOf: addresses,
      report: (told) => facts.push(...told),
    })
    started.configure({ sessionIntervalMs, timeoutMs: 1_000 })
    cleanUps.push(() => started.stop())
    return { polls: started, facts }
  }

  const listed = (generation: number, ...rowIds: number[]) => [
    targetAt(
      'one',
      { host: 'not.asked', port: 1 },
      { generation, sessions: rowIds.map((streamRowId) => ({ streamRowId, path: `${PATH}${streamRowId}` })) },
    ),
  ]

  test('come at once for what is new, and for nothing else', async () => {
    const { address, asked } = engine(() => Response.json(serving(1)))
    const { polls: started, facts } = polls(() => [address], 60_000)
    started.setTargets(listed(1, 1))
    await until('it was asked', () => facts.length === 1)
    started.setTargets(listed(1, 1, 2))
    await until('the new one was asked', () => facts.length === 2)
    expect(asked.map(({ url }) => url)).toEqual([1, 2].map((row) => `${PATH}${row}?skip_player_activity=1`))
  })

  test('come once an interval', async () => {
    const { address, asked } = engine(() => Response.json(serving(1)))
    const { polls: started, facts } = polls(() => [address])
    const beganMs = performance.now()
    started.setTargets(listed(1, 7))
    await until('it was asked some times', () => facts.length > 4)
    // A question may be late on a busy machine, so each is measured from the beginning and not from the previous one. Each
    // timer may be early because of rounding to whole milliseconds. At least half an interval passes before the second.
    const [, ...later] = asked.map(({ atMs }) => atMs - beganMs)
    for (const [at, ms] of later.entries()) expect(ms).toBeGreaterThanOrEqual(48 + at * 98)
    expect(facts[0]).toMatchObject({ engineId: 'one', generation: 1, streamRowId: 7 })
  })

  test('keep their time when the same list comes again, and one that hangs delays no other', async () => {
    const { address, asked } = engine((path) =>
      path.endsWith('1') ? neverAnswers() : Response.json(serving(1)),
    )
    const { polls: started, facts } = polls(() => [address])
    for (let turn = 0; turn < 3; turn++) started.setTargets(listed(1, 1, 2))
    await until('the other was asked some times', () => facts.length > 2)
    // The first answer is still pending.
    expect(asked.filter(({ url }) => url.startsWith(`${PATH}1`))).toHaveLength(1)
    const silent = await until('the hung one is silent', () => facts.find(({ state }) => state === 'silent'))
    expect(silent.streamRowId).toBe(1)
    expect(facts.filter(({ streamRowId }) => streamRowId === 2).length).toBeLessThan(14)
  })

  test('end for what leaves the list, also while it is being asked, and begin at once for what is new', async () => {
    const held = Promise.withResolvers<Response>()
    const { address, asked } = engine((path) =>
      path.endsWith('1') ? held.promise : Response.json(serving(2)),
    )
    const { polls: started, facts } = polls(() => [address])
    started.setTargets(listed(1, 1))
    await until('it is being asked', () => asked.length === 1)
    started.setTargets(listed(1, 2))
    held.resolve(Response.json(serving(1)))
    await until('the new one was asked some times', () => facts.length > 3)
    expect(new Set(facts.map(({ streamRowId }) => streamRowId))).toEqual(new Set([2]))
    expect(asked.filter(({ url }) => url.startsWith(`${PATH}1`))).toHaveLength(1)
  })

  test('of another start of the engine are new ones, and the answer of before is dropped', async () => {
    const answers = [Promise.withResolvers<Response>(), Promise.withResolvers<Response>()]
    const { address, asked } = engine(() => answers[asked.length - 1]?.promise ?? neverAnswers())
    const { polls: started, facts } = polls(() => [address])
    started.setTargets(listed(1, 1))
    await until('it is being asked', () => asked.length === 1)
    started.setTargets(listed(2, 1))
    await until('it is being asked anew', () => asked.length === 2)
    answers[0]?.resolve(Response.json(UNKNOWN))
    answers[1]?.resolve(Response.json(serving(3)))
    await until('it is told', () => facts.length > 0)
    expect(facts).toMatchObject([{ generation: 2, state: 'serves', figures: { downloaded: 3 } }])
  })

  test('go to the addresses that are known at that time', async () => {
    const one = engine(() => Response.json(serving(1)))
    const other = engine(() => Response.json(serving(2)))
    let addresses = [one.address]
    const { polls: started, facts } = polls(() => addresses)
    started.setTargets(listed(1, 1))
    await until('the one has answered', () => facts.length > 0)
    addresses = [other.address]
    await until('the other has answered', () => facts.some(({ figures }) => figures?.downloaded === 2))
    const askedOne = one.asked.length
    await until('it has answered again', () => other.asked.length > 2)
    expect(one.asked).toHaveLength(askedOne)
  })
})

describe('the health worker', () => {
  function worker(change: Parameters<typeof startHealthWorker>[0] = {}) {
    const started = startHealthWorker(change)
    cleanUps.push(() => started.health.stop())
    return started
  }

  test('tells how a session of an engine grows, and that it has ended', async () => {
    await using emulated = await TestEngine.start({ STAT_EMPTY_MS: '10', STAT_IDLE_MS: '20' })
    const { stat_url, command_url } = await emulated.open()
    const { health, sessions } = worker()
    const session = { streamRowId: 4, path: new URL(stat_url).pathname }
    const address = { host: '127.0.0.1', port: emulated.ports.http }
    health.setTargets([targetAt('one', address, { generation: 3, sessions: [session] })])
    const young = await until('it is told', () => sessions[0])
    expect(young).toMatchObject({ engineId: 'one', generation: 3, streamRowId: 4, state: 'serves' })
    expect(young.figures?.downloaded ?? null).toBeNull()

    const figures = () => sessions.flatMap(({ figures }) => figures?.downloaded ?? [])
    emulated.clock.advance(10_000)
    const before = await until('bytes have come', () => figures().find((bytes) => bytes > 0))
    emulated.clock.advance(10_000)
    await until('more bytes have come', () => figures().some((bytes) => bytes > before))

    await emulated.get(`${command_url}?method=stop`)
    const last = await until('it has ended', () => sessions.find(({ state }) => state === 'ended'))
    expect(last).toMatchObject({ streamRowId: 4, figures: null })
  })

  test('tells silence of an engine that hangs, and does not keep its session alive', async () => {
    await using emulated = await TestEngine.start()
    const { stat_url } = await emulated.open()
    const { health, sessions } = worker({ timeoutMs: 100 })
    const session = { streamRowId: 4, path: new URL(stat_url).pathname }
    health.setTargets([
      targetAt('one', { host: '127.0.0.1', port: emulated.ports.http }, { sessions: [session] }),
    ])
    emulated.clock.advance(30_000)
    const seen = sessions.length
    await until('it was asked after that', () => sessions.length > seen + 1)
    expect((await emulated.state()).sessions[0]?.idle_ms).toBe(30_000)
    await emulated.setFaults({ hang: ['stat'] })
    await until('it is silent', () => sessions.some(({ state }) => state === 'silent'))
    await emulated.setFaults({ hang: [] })
    await until('it serves again', () => sessions.at(-1)?.state === 'serves')
  })

  test('asks for sessions where the last probe was answered, and elsewhere nothing but that', async () => {
    const healthy = engine((path) =>
      path.startsWith('/ace/stat/') ? Response.json(serving(1)) : Response.json({ result: {} }),
    )
    const stranger = engine((path) =>
      path.startsWith('/ace/stat/') ? Response.json(serving(2)) : new Response('no', { status: 404 }),
    )
    const { health, facts, sessions } = worker()
    const addresses = [healthy.address, stranger.address]
    health.setTargets([targetAt('one', healthy.address, { addresses })])
    await until('it was probed', () => facts.length > 0)
    const outside = { streamRowId: 2, path: '/ace/stat/../../server/api' }
    health.setTargets([
      targetAt('one', healthy.address, { addresses, sessions: [{ streamRowId: 1, path: PATH }, outside] }),
    ])
    await until('it was asked some times', () => sessions.length > 3)
    expect(
      new Set(sessions.map(({ streamRowId, figures }) => `${streamRowId}: ${figures?.downloaded}`)),
    ).toEqual(new Set(['1: 1']))
    expect(new Set(healthy.asked.map(({ url }) => url))).toEqual(
      new Set(['/server/api?api_version=3&method=get_status', `${PATH}?skip_player_activity=1`]),
    )
    expect(stranger.asked.filter(({ url }) => url.startsWith('/ace/'))).toEqual([])
  })

  test('asks no more once it was stopped', async () => {
    const { address, asked } = engine(() => Response.json(serving(1)))
    const { health, sessions } = worker()
    health.setTargets([targetAt('one', address, { sessions: [{ streamRowId: 1, path: PATH }] })])
    await until('it was asked', () => sessions.length > 0)
    await health.stop()
    const before = asked.length
    // Another worker's polls show that time passes.
    const other = worker()
    const second = engine(() => Response.json(serving(1)))
    other.health.setTargets([targetAt('one', second.address, { sessions: [{ streamRowId: 1, path: PATH }] })])
    await until('some intervals have passed', () => other.sessions.length > 4)
    expect(asked).toHaveLength(before)
  })
})

/** A body that begins and never ends. */
function endless(beginning: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode(beginning)),
  })
}
