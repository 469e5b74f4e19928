import { afterEach, describe, expect, test } from 'bun:test'
import { WorkerHost } from '../../../src/workers/worker-host.ts'
import { until } from '../../support/docker.ts'
import { startHealthWorker, targetAt } from '../../support/health-worker.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

interface Told {
  readonly type: 'told'
  readonly text: string
}

const isTold = (message: unknown): message is Told =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === 'told'

// Workers that use the words of the protocol and misbehave as a test needs.
const READY = 'postMessage({ type: "ready" });'
const BEAT = 'postMessage({ type: "heartbeat", atMs: 1 });'
/** Reports each received command, and keeps running. */
const WELL = `
  onmessage = ({ data }) => {
    if (data.type === 'stop') postMessage({ type: 'stopped' })
    else if (data.type !== 'clock') postMessage({ type: 'told', text: JSON.stringify(data) })
  };
  ${READY} setInterval(() => ${BEAT.replace(';', '')}, 50);
`
const BROKEN = 'throw new TypeError("broken at its start")'

/** A host whose workers run these programs one after the other; the last one is repeated for ever. */
function hostOf(programs: readonly string[], silenceMaxMs = 10_000) {
  const spawned: { readonly worker: Worker; readonly atMs: number }[] = []
  const troubles: { readonly why: string; readonly restartInMs: number }[] = []
  const returns: { readonly what: string; readonly awayMs: number }[] = []
  const facts: string[] = []
  const drops: string[] = []
  let lost = 0
  const host = new WorkerHost<{ readonly type: 'command'; readonly text: string }, Told>({
    name: 'test worker',
    now: Date.now,
    spawn: () => {
      const code = programs[Math.min(spawned.length, programs.length - 1)] ?? ''
      const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'application/javascript' })))
      spawned.push({ worker, atMs: performance.now() })
      return worker
    },
    parse: (message) => (isTold(message) ? message : null),
    handshake: () => [{ type: 'command', text: `handshake ${spawned.length}` }],
    onFact: ({ text }) => facts.push(text),
    onLost: () => lost++,
    onTrouble: (why, restartInMs) => troubles.push({ why, restartInMs }),
    onBack: (what, awayMs) => returns.push({ what, awayMs }),
    onDropped: (what) => drops.push(what),
    silenceMaxMs,
  })
  cleanUps.push(() => host.stop())
  return { host, spawned, troubles, drops, returns, facts, lost: () => lost }
}

const command = (text: string) => ({ type: 'command', text }) as const

describe('a worker', () => {
  test('is told its handshake before anything else, and what is said before it is ready not at all', async () => {
    const { host, facts, troubles } = hostOf([WELL])
    host.say(command('before it is there'))
    host.start()
    host.say(command('before it is ready'))
    await until('it has told', () => facts.length > 0)
    host.say(command('afterwards'))
    await until('it has told that, too', () => facts.length > 1)
    expect(facts).toEqual([command('handshake 1'), command('afterwards')].map((each) => JSON.stringify(each)))
    expect(troubles).toEqual([])
  })

  test('that dies over and over again is one outage, told at its beginning and at its end', async () => {
    const { host, spawned, troubles, returns, facts, lost } = hostOf([
      BROKEN,
      BROKEN,
      `${READY} ${BROKEN}`,
      WELL,
    ])
    host.start()
    await until('it is well', () => returns.length > 0)
    expect(troubles).toEqual([{ why: 'the test worker ended: broken at its start', restartInMs: 250 }])
    expect(spawned).toHaveLength(4)
    // The waits double: 250, 500 and 1,000 ms.
    const waits = spawned.slice(1).map(({ atMs }, index) => atMs - (spawned[index]?.atMs ?? 0))
    for (const [index, waitMs] of waits.entries()) expect(waitMs).toBeGreaterThanOrEqual(248 * 2 ** index)
    expect(returns).toHaveLength(1)
    expect(returns[0]?.what).toBe('the test worker is back')
    expect(returns[0]?.awayMs).toBeWithin(1_740, 10_000)
    // Only the third had been ready, so only its facts may be lost.
    expect(lost()).toBe(1)
    expect(facts).toContain(JSON.stringify(command('handshake 4')))
  })

  test('that dies again after it was well is another outage, with short waits', async () => {
    const { host, spawned, troubles, returns } = hostOf([WELL])
    host.start()
    for (let time = 1; time <= 3; time++) {
      await until('there is one', () => spawned.length === time)
      spawned.at(-1)?.worker.terminate()
      // The worker has lived for a heartbeat by then.
      await until('the next one is well', () => returns.length === time)
    }
    expect(troubles.map(({ restartInMs }) => restartInMs)).toEqual([250, 250, 250])
  })

  test('that is silent is replaced, and a flood of what is no message is silence', async () => {
    const talksNonsense = `${READY} setInterval(() => postMessage({ type: 'nonsense' }), 10)`
    const { host, spawned, troubles, drops, returns, facts, lost } = hostOf([talksNonsense, WELL], 200)
    let hasClosed = false
    host.start()
    spawned[0]?.worker.addEventListener('close', () => {
      hasClosed = true
    })
    await until('the next one is well', () => returns.length > 0)
    expect(troubles).toEqual([{ why: 'the test worker was silent for 0.2 s', restartInMs: 250 }])
    expect([spawned.length, lost()]).toEqual([2, 1])
    expect(facts).toEqual([JSON.stringify(command('handshake 2'))])
    await until('the silent one was ended', () => hasClosed)
    // Invalid messages are dropped and reported, and many of them give one log line.
    expect(drops).toEqual(['the test worker said what is no message of the protocol'])
  })

  test('that never becomes ready is replaced, too', async () => {
    const { host, troubles, returns, lost } = hostOf(['setInterval(() => 0, 1_000)', WELL], 200)
    host.start()
    await until('the next one is well', () => returns.length > 0)
    expect(troubles).toHaveLength(1)
    expect(lost()).toBe(0)
  })

  test('whose event loop is blocked is ended by force, when it is silent and when it is to stop', async () => {
    const { host, spawned, troubles, returns } = hostOf([`${READY} for (;;);`, WELL], 200)
    host.start()
    await until('the next one is well', () => returns.length > 0)
    expect([spawned.length, troubles.length]).toEqual([2, 1])

    const stubborn = hostOf([`onmessage = () => { for (;;); }; ${READY}`])
    stubborn.host.start()
    let hasClosed = false
    stubborn.spawned[0]?.worker.addEventListener('close', () => {
      hasClosed = true
    })
    const startedMs = performance.now()
    await stubborn.host.stop()
    expect(performance.now() - startedMs).toBeWithin(490, 2_000)
    await until('it was ended', () => hasClosed)
    expect(stubborn.troubles).toEqual([])
  })

  test('stops by message, tells nothing afterwards, and is not started again', async () => {
    const { host, spawned, facts, troubles } = hostOf([WELL])
    host.start()
    await until('it has told', () => facts.length > 0)
    host.say(command('last'))
    await host.stop()
    const told = facts.length
    host.say(command('too late'))
    await host.stop()
    expect([facts.length, spawned.length, troubles.length]).toEqual([told, 1, 0])
  })

  test('is not started again when it is stopped between two', async () => {
    const { host, spawned, troubles } = hostOf([BROKEN])
    host.start()
    await until('it has died', () => troubles.length > 0)
    await host.stop()
    const other = hostOf([BROKEN])
    other.host.start()
    // Another host's restarts show that time passes.
    await until('another was started again', () => other.spawned.length > 2)
    expect(spawned).toHaveLength(1)
  })
})

describe('the health worker', () => {
  function engine() {
    const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => Response.json({ result: {} }) })
    cleanUps.push(() => server.stop(true))
    return { host: '127.0.0.1', port: server.port ?? 0 }
  }

  function worker() {
    const started = startHealthWorker()
    cleanUps.push(() => started.health.stop())
    return started
  }

  test('crashes when it is told to, and probes again within two seconds, which is one outage', async () => {
    const { health, facts, troubles, returns, lost } = worker()
    health.setTargets([targetAt('one', engine())])
    await until('it was probed', () => facts.length > 0)
    const startedMs = performance.now()
    health.crash()
    await until('it was found dead', () => lost() > 0)
    const before = facts.length
    await until('it is probed again', () => facts.length > before)
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    const awayMs = await until('it is said to be back', () => returns[0])
    expect(awayMs).toBeWithin(249, 2_000)
    expect([troubles, lost()]).toEqual([['the health worker ended: crashed as it was told to'], 1])
  })

  test('lives on after a message that is none', async () => {
    const { health, facts, workers, troubles, drops } = worker()
    await until('there is one', () => workers.length > 0)
    for (const message of [null, 'stop', { type: 'nonsense' }, { type: 'targets', targets: [{}] }])
      workers[0]?.postMessage(message)
    health.setTargets([targetAt('one', engine())])
    await until('it was probed', () => facts.length > 0)
    expect(troubles).toEqual([])
    expect(drops).toEqual(['the health worker dropped a message that is none of the protocol'])
  })

  test('probes all other engines where one cannot be, and says so', async () => {
    const { health, facts, drops } = worker()
    const good = engine()
    const port = { host: '127.0.0.1', port: 0 }
    health.setTargets([targetAt('bad', port), targetAt('one', good), targetAt('', { host: '', port: 1 })])
    await until('the good one was probed', () => facts.some(({ engineId, ok }) => engineId === 'one' && ok))
    expect(drops).toEqual(['the health worker dropped 2 of the engines that it is to probe'])
  })
})
