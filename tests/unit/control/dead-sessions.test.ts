import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/** A day of virtual time takes some seconds on a busy machine. */
setDefaultTimeout(30_000)

interface StreamRow {
  readonly id: string
  readonly status: 'started' | 'ended'
  readonly end_reason: string | null
}
interface EngineRow {
  readonly container_name: string
  readonly streams: readonly string[]
  readonly last_stream_usage: string | null
}

let rig: Rig
afterEach(() => rig.dispose())

/** Starts an engine with a stream, which is record 1. */
async function playing(env: Readonly<Record<string, string>> = {}): Promise<void> {
  rig = await new Rig(env).start()
  await rig.provision()
  await rig.play(19_000)
}

const books = async () =>
  (await rig.json<StreamRow[]>('GET', '/streams')).map(({ status, end_reason }) => [status, end_reason])
const used = async () =>
  (await rig.json<{ capacity: { used: number } }>('GET', '/orchestrator/status')).capacity.used
const STARTED = [['started', null]]

/** The engine reports this state several times, five seconds apart. */
async function says(state: 'serves' | 'ended' | 'silent', times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await rig.clock.advance(5_000)
    await rig.say(1, state, state === 'serves' ? { downloaded: 1 } : null)
  }
}

describe('a stream whose engine does not know its session', () => {
  test('ends at the third denial, and its engine is free', async () => {
    await playing()
    await says('serves', 2)
    await says('ended', 2)
    expect(await books()).toEqual(STARTED)
    expect(await used()).toBe(1)
    await says('ended', 1)
    expect(await books()).toEqual([['ended', 'session_unknown']])
    expect(await used()).toBe(0)
    const [engine] = await rig.json<EngineRow[]>('GET', '/engines')
    expect(engine).toMatchObject({ streams: [], last_stream_usage: new Date(rig.clock.now()).toISOString() })
    // The session is not asked about any more, and events of its proxy have no effect now.
    expect(rig.health.targets.flatMap(({ sessions }) => sessions)).toEqual([])
    const late = { stream_id: 'key|session', reason: 'eof' }
    expect(await rig.json<object>('POST', '/events/stream_ended', late)).toEqual({
      updated: false,
      stream: null,
    })
    expect(await books()).toEqual([['ended', 'session_unknown']])
  })

  test('goes on when the engine serves it again before the third', async () => {
    await playing()
    for (let turn = 0; turn < 5; turn++) {
      await says('ended', 2)
      await says('serves', 1)
    }
    expect(await books()).toEqual(STARTED)
  })

  test('neither ends nor is forgiven by silence', async () => {
    await playing()
    await says('ended', 2)
    await says('silent', 100)
    expect(await books()).toEqual(STARTED)
    await says('ended', 1)
    expect(await books()).toEqual([['ended', 'session_unknown']])
  })

  test('ends no other stream, also of the same engine', async () => {
    await playing()
    await rig.play(19_000, 'key|other')
    await says('ended', 3)
    expect(await books()).toEqual([
      ['ended', 'session_unknown'],
      ['started', null],
    ])
    expect(await used()).toBe(1)
  })

  test('that has ended already keeps its reason, also while others of its answers arrive', async () => {
    await playing()
    await says('ended', 2)
    await rig.json('POST', '/events/stream_ended', { stream_id: 'key|session', reason: 'eof' })
    const [target] = rig.health.targets
    for (let turn = 0; turn < 3; turn++)
      rig.health.tellSessions({
        engineId: target?.engineId ?? '',
        generation: target?.generation ?? 0,
        streamRowId: 1,
        state: 'ended',
        figures: null,
        atMs: rig.clock.now(),
      })
    await settled()
    expect(await books()).toEqual([['ended', 'eof']])
  })

  test('may come again under the same id: a new record, with an account of its own', async () => {
    await playing()
    await says('ended', 3)
    await rig.play(19_000)
    expect(await books()).toEqual([
      ['ended', 'session_unknown'],
      ['started', null],
    ])
    await rig.clock.advance(5_000)
    await rig.say(2, 'ended')
    expect((await books()).at(-1)).toEqual(['started', null])
  })
})

describe('a stream does not end', () => {
  test('by an engine that never answers a question about it', async () => {
    await playing()
    await says('silent', 500)
    expect(await books()).toEqual(STARTED)
  })

  test('by bytes that stand still', async () => {
    await playing()
    await says('serves', 1_000)
    expect(await books()).toEqual(STARTED)
  })

  test('by a restart of ours, which also begins the count anew', async () => {
    await playing()
    for (let turn = 0; turn < 4; turn++) {
      await says('ended', 2)
      await rig.restart()
    }
    expect(await books()).toEqual(STARTED)
  })

  test('by an outage of Docker', async () => {
    await playing()
    rig.runtime.goDown()
    await rig.clock.advance(120_000)
    expect(await books()).toEqual(STARTED)
    rig.runtime.comeUp()
    await rig.clock.advance(60_000)
    await says('serves', 1)
    expect(await books()).toEqual(STARTED)
  })

  test('by what was said of an earlier start of its engine', async () => {
    await playing()
    const [target] = rig.health.targets
    for (let turn = 0; turn < 5; turn++)
      rig.health.tellSessions({
        engineId: target?.engineId ?? '',
        generation: (target?.generation ?? 0) - 1,
        streamRowId: 1,
        state: 'ended',
        figures: null,
        atMs: rig.clock.now(),
      })
    await settled()
    expect(await books()).toEqual(STARTED)
  })

  test('by the loss of the worker, whose earlier answers count for nothing then', async () => {
    await playing()
    await says('ended', 2)
    rig.health.lose()
    await settled()
    await says('ended', 2)
    expect(await books()).toEqual(STARTED)
  })
})

describe('a stream that no engine of ours serves', () => {
  test('is never asked about, uses no capacity, and ends after a day', async () => {
    await playing()
    await rig.play(4_711, 'key|elsewhere')
    const sessions = rig.health.targets.flatMap((target) => target.sessions)
    expect(sessions.map(({ streamRowId }) => streamRowId)).toEqual([1])
    expect(await used()).toBe(1)
    const beganMs = rig.clock.now()
    // Only a minute of each hour is simulated. Timers that became due in the rest of the hour run then.
    for (let hour = 0; hour < 23; hour++) {
      rig.clock.spend(3_540_000)
      await rig.clock.advance(60_000)
    }
    expect(await books()).toEqual([
      ['started', null],
      ['started', null],
    ])
    rig.clock.spend(beganMs + 24 * 3_600_000 - rig.clock.now())
    await rig.clock.advance(60_000)
    expect(await books()).toEqual([
      ['started', null],
      ['ended', 'forgotten'],
    ])
  })
})

describe('an attempt that failed', () => {
  const attempt = (port: number, session: Readonly<Record<string, unknown>>) =>
    rig.json<StreamRow>('POST', '/events/stream_started', {
      engine: { host: 'localhost', port },
      stream: { key_type: 'content_id', key: 'abc' },
      session: { playback_session_id: 'x', stat_url: '', command_url: '', is_live: 0, ...session },
    })
  const order = async () => (await rig.json<EngineRow[]>('GET', '/engines')).map((row) => row.container_name)

  async function bothAnswer(): Promise<void> {
    for (const port of [19_000, 19_001]) rig.health.report(port, true, rig.clock.now())
    await settled()
  }

  /** Starts two healthy engines, without anything that the clock triggers. */
  async function healthyPair(): Promise<void> {
    rig = await new Rig({ MONITOR_INTERVAL_S: '600' }).start()
    for (let count = 0; count < 2; count++) await rig.provision()
    await bothAnswer()
  }

  test.each([
    [
      'fetch_failed',
      {
        playback_session_id: 'fetch_failed',
        stat_url: 'http://h/ace/stat/a/b',
        command_url: 'http://h/ace/cmd/a/b',
      },
    ],
    ['without URLs', {}],
    ['without a command', { stat_url: 'http://localhost:19000/ace/stat/a/b' }],
  ])(
    '%s puts its engine last for a minute, in the order and in the use that it shows',
    async (_, session) => {
      await healthyPair()
      expect(new Set([(await order())[0], (await order())[0]])).toEqual(
        new Set(['acestream-1', 'acestream-2']),
      )
      const atMs = rig.clock.now()
      expect(await attempt(19_000, session)).toMatchObject({ status: 'ended', end_reason: 'fetch_failed' })
      expect(await used()).toBe(0)
      expect(rig.health.targets.flatMap(({ sessions }) => sessions)).toEqual([])
      const first = (await rig.json<EngineRow[]>('GET', '/engines')).find(
        (row) => row.container_name === 'acestream-1',
      )
      expect(first?.last_stream_usage).toBe(new Date(atMs).toISOString())

      const firsts = async () =>
        new Set(await Promise.all(Array.from({ length: 8 }, async () => (await order())[0])))
      expect(await firsts()).toEqual(new Set(['acestream-2']))
      await rig.clock.advance(59_000)
      await bothAnswer()
      expect(await firsts()).toEqual(new Set(['acestream-2']))
      // From here on, only time passes.
      await rig.clock.advance(2_000)
      expect(await firsts()).toEqual(new Set(['acestream-1', 'acestream-2']))
    },
  )
})
