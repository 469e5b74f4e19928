import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { newestJournal } from '../../../src/store/journal.ts'
import { streamByRow } from '../../../src/store/streams.ts'
import { AcexyClient } from '../../support/acexy-client.ts'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* Engines that answer their probes and play nothing, as viewers of acexy meet them. */

setDefaultTimeout(30_000)

const SICK = 19_001

interface EngineRow {
  readonly container_name: string
  readonly port: number
  readonly health_status: string
  readonly plays_nothing_since: string | null
}

let rig: Rig
afterEach(() => rig.dispose())

/** Lets time pass while every probed engine answers each second. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    answerProbes()
    await settled()
  }
}

/** Every engine answers its probe, and does not know the sessions of streams that have ended. */
function answerProbes(): void {
  const atMs = rig.clock.now()
  const isEnded = (record: number) => streamByRow(rig.temp.store.db, record)?.status === 'ended'
  for (const { engineId, generation, sessions } of rig.health.targets) {
    rig.health.tell({ engineId, generation, ok: true, atMs, error: null })
    for (const { streamRowId } of sessions.filter((each) => isEnded(each.streamRowId)))
      rig.health.tellSessions({ engineId, generation, streamRowId, state: 'ended', figures: null, atMs })
  }
}

async function fleetOf(size: number, env: Readonly<Record<string, string>> = {}): Promise<void> {
  rig = await new Rig({ MIN_REPLICAS: String(size), ...env }).start()
  await pass(5)
}

const rows = () => rig.json<EngineRow[]>('GET', '/engines?status=all')
const rowAt = async (port: number) => (await rows()).find((row) => row.port === port)
const warned = async () => {
  const { warnings } = await rig.json<{ warnings: { code: string }[] }>('GET', '/orchestrator/status')
  return warnings.map(({ code }) => code)
}
const journal = (kind: string) => newestJournal(rig.temp.store.db, 500).filter((entry) => entry.kind === kind)

let viewers = 0

/** Reports a stream on the engine at this port, and its end 1.5 s later. Returns the number of its record. */
async function view(port: number, key: string, reason: string): Promise<void> {
  const id = `${key}|${++viewers}`
  const url = (verb: string) => `http://localhost:${port}/ace/${verb}/a/${viewers}`
  await rig.json('POST', '/events/stream_started', {
    engine: { host: 'localhost', port },
    stream: { key_type: 'content_id', key },
    session: {
      playback_session_id: String(viewers),
      stat_url: url('stat'),
      command_url: url('cmd'),
      is_live: 1,
    },
    labels: { stream_id: id },
  })
  await rig.clock.advance(1_500)
  answerProbes()
  await rig.json('POST', '/events/stream_ended', { stream_id: id, reason })
  await settled()
}

/** Sends viewers where acexy would send them, one after another. Returns the ports that they got. */
async function viewersOf(
  keys: readonly string[],
  isSick: (port: number) => boolean,
): Promise<readonly number[]> {
  const send = async (request: Request) => await rig.orchestrator.app.handle(request)
  const acexy = new AcexyClient({ url: 'http://localhost', clock: rig.clock, send })
  const ports: number[] = []
  for (const key of keys) {
    const { port } = await acexy.select()
    await view(port, key, isSick(port) ? 'timeout' : 'client_disconnected')
    ports.push(port)
  }
  acexy.stop()
  return ports
}

const thirty = Array.from({ length: 30 }, (_, index) => `content-${index}`)
const timesOf = (ports: readonly number[], port: number): number =>
  ports.filter((each) => each === port).length

describe('one of three engines plays nothing', () => {
  test.each([
    ['of different contents', thirty],
    ['of one content', thirty.map(() => 'content')],
  ])('at most 6 of 30 viewers %s meet it, and it is replaced when it is idle', async (_, keys) => {
    await fleetOf(3)
    const ports = await viewersOf(keys, (port) => port === SICK)
    expect(timesOf(ports, SICK)).toBeLessThanOrEqual(6)
    const [replacing] = journal('engine.replacing')
    expect(replacing?.detail).toEqual({
      cause: 'plays_nothing',
      rule: 'plays_nothing',
      reason: 'it plays nothing, though others do',
    })
    expect(journal('engine.replacing')).toHaveLength(1)
    await pass(90)
    expect((await rows()).map(({ port }) => port)).not.toContain(SICK)
    expect(await rows()).toHaveLength(3)
    expect(await warned()).not.toContain('engine_plays_nothing')
    const draining = journal('engine.draining').map(({ detail }) => detail)
    expect(draining).toEqual([
      { cause: 'plays_nothing', rule: 'replacement_ready', reason: 'it plays nothing and was replaced' },
    ])
  })

  test('at the cap it makes room first', async () => {
    await fleetOf(3, { MAX_REPLICAS: '3' })
    await viewersOf(thirty, (port) => port === SICK)
    expect(journal('engine.replacing').map(({ detail }) => detail.rule)).toEqual(['plays_nothing_at_cap'])
    await pass(90)
    expect(await rows()).toHaveLength(3)
    expect(journal('provision.started').map(({ detail }) => detail.rule)).toContain('finish_replacement')
  })

  test('it is shown, told, and listed last, and stays while it has a viewer', async () => {
    await fleetOf(3, { MAX_REPLICAS: '3' })
    await rig.play(SICK, 'stays')
    for (let time = 0; time < 3; time++) {
      await view(SICK, `content-${time}`, 'timeout')
      for (const port of [19_000, 19_002]) await view(port, `content-${time}-${port}`, 'client_disconnected')
    }
    const sick = await rowAt(SICK)
    expect(sick?.health_status).toBe('unknown')
    expect(Date.parse(sick?.plays_nothing_since ?? '')).toBeLessThanOrEqual(rig.clock.now())
    expect(await warned()).toContain('engine_plays_nothing')
    for (let time = 0; time < 4; time++)
      expect((await rig.json<EngineRow[]>('GET', '/engines')).at(-1)?.port).toBe(SICK)
    await pass(120)
    expect(journal('engine.replacing')).toEqual([])
    await rig.json('POST', '/events/stream_ended', { stream_id: 'stays', reason: 'handler_exit' })
    await pass(2)
    expect(journal('engine.replacing')).toHaveLength(1)
  })

  test('it is well again when it has played something', async () => {
    await fleetOf(3, { HEALTH_REPLACEMENT_COOLDOWN_S: '3600' })
    await rig.play(SICK, 'stays')
    for (let time = 0; time < 3; time++) {
      await view(SICK, `content-${time}`, 'timeout')
      for (const port of [19_000, 19_002]) await view(port, `content-${time}-${port}`, 'client_disconnected')
    }
    expect(await warned()).toContain('engine_plays_nothing')
    await view(SICK, 'another', 'client_disconnected')
    expect(await rowAt(SICK)).toMatchObject({ health_status: 'healthy', plays_nothing_since: null })
    expect(await warned()).not.toContain('engine_plays_nothing')
  })

  test('the bytes that engines report are enough, whatever an older proxy says', async () => {
    await fleetOf(2)
    let record = 0
    const watch = async (port: number, key: string, bytes: number) => {
      const id = `${key}|${port}`
      await rig.json('POST', '/events/stream_started', {
        engine: { host: 'localhost', port },
        stream: { key_type: 'content_id', key },
        session: {
          playback_session_id: key,
          stat_url: `http://localhost:${port}/ace/stat/a/${key}`,
          command_url: `http://localhost:${port}/ace/cmd/a/${key}`,
          is_live: 1,
        },
        labels: { stream_id: id },
      })
      record++
      for (let time = 0; time < 5; time++) {
        await pass(4)
        await rig.say(record, 'serves', { downloaded: bytes * time })
      }
      await rig.json('POST', '/events/stream_ended', { stream_id: id, reason: 'handler_exit' })
    }
    for (let time = 0; time < 4; time++) {
      await watch(19_000, `content-${time}`, 0)
      await watch(19_001, `other-${time}`, 1_000)
    }
    await pass(1)
    expect((await rowAt(19_000))?.plays_nothing_since).not.toBeNull()
    expect((await rowAt(19_001))?.plays_nothing_since).toBeNull()
  })
})

test('a list of 180 dead contents makes no good engine look bad', async () => {
  await fleetOf(4)
  const dead = Array.from({ length: 180 }, (_, index) => `dead-${index}`)
  await viewersOf(dead, () => true)
  expect(journal('engine.replacing')).toEqual([])
  expect((await rows()).map((row) => row.plays_nothing_since)).toEqual([null, null, null, null])
})

test('a single engine is never judged', async () => {
  await fleetOf(1)
  await viewersOf(thirty, () => true)
  expect(await rowAt(19_000)).toMatchObject({ health_status: 'healthy', plays_nothing_since: null })
})

describe('without a VPN', () => {
  /** All engines say every 20 s whether they are connected; the one at `cut` says that it is not. */
  async function connected(seconds: number, cut: number | null): Promise<void> {
    for (let second = 0; second < seconds; second += 20) {
      await pass(20)
      for (const { addresses } of rig.health.targets) {
        const port = addresses.find((address) => address.port >= 19_000)?.port ?? 0
        rig.health.network(port, port !== cut, rig.clock.now())
      }
      await settled()
    }
  }

  test('each engine is asked whether it is connected, once per interval of the probes', async () => {
    await fleetOf(2, { HEALTH_CHECK_INTERVAL_S: '17' })
    expect(rig.health.targets.map(({ networkIntervalMs }) => networkIntervalMs)).toEqual([17_000, 17_000])
  })

  test('one that says no for a minute, while others say yes, is replaced when it is idle', async () => {
    await fleetOf(3)
    await connected(60, null)
    await rig.play(SICK, 'stays')
    await connected(120, SICK)
    expect((await rowAt(SICK))?.plays_nothing_since).not.toBeNull()
    expect(journal('engine.replacing')).toEqual([])
    await rig.json('POST', '/events/stream_ended', { stream_id: 'stays', reason: 'eof' })
    await pass(2)
    expect(journal('engine.replacing').map(({ detail }) => detail.reason)).toEqual([
      'it says that it is not connected, though others are',
    ])
  })

  test('engines that all say no are left alone', async () => {
    await fleetOf(2)
    await connected(60, null)
    for (let time = 0; time < 6; time++) {
      await pass(20)
      for (const port of [19_000, 19_001]) rig.health.network(port, false, rig.clock.now())
    }
    expect(await warned()).not.toContain('engine_plays_nothing')
  })
})
