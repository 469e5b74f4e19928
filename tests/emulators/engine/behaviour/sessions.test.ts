import { describe, expect, test } from 'bun:test'
import { CONTENT_ID, OTHER_ID, readJson, TestEngine } from '../testing/harness.ts'

const UNKNOWN = { response: null, error: 'unknown playback session id' }

interface Stat {
  readonly response: {
    readonly status?: string
    readonly playback_session_id?: string
    readonly peers?: number
    readonly speed_down?: number
    readonly downloaded?: number
    readonly livepos?: Readonly<Record<string, unknown>>
  }
}

describe('session rules', () => {
  test('the same content without a pid gives the same URLs, another content others', async () => {
    await using engine = await TestEngine.start()
    const first = await engine.open()
    expect(await engine.open()).toEqual(first)
    expect((await engine.open(`id=${OTHER_ID}`)).command_url).not.toBe(first.command_url)
    expect((await engine.state()).sessions).toHaveLength(2)
  })

  test('another pid supersedes: new URLs, and both stat URLs tell of the newest session', async () => {
    await using engine = await TestEngine.start()
    const first = await engine.open(`id=${CONTENT_ID}&pid=1`)
    const second = await engine.open(`id=${CONTENT_ID}&pid=2`)
    engine.clock.advance(500)
    expect(second.command_url).not.toBe(first.command_url)
    expect(second.playback_session_id).not.toBe(first.playback_session_id)
    for (const { stat_url } of [first, second]) {
      const { response } = await engine.json<Stat>(stat_url)
      expect(response.playback_session_id).toBe(second.playback_session_id)
    }
    expect((await engine.state()).counters).toMatchObject({ opened: 2, superseded: 1 })
    expect((await engine.get(first.playback_url, { redirect: 'manual' })).status).toBe(403)
  })

  test('a stop by any URL ends the session for all, and is not known a second time', async () => {
    await using engine = await TestEngine.start()
    const first = await engine.open(`id=${CONTENT_ID}&pid=1`)
    const second = await engine.open(`id=${CONTENT_ID}&pid=2`)
    const stopped = await engine.get(`${first.command_url}?method=stop`)
    expect(await stopped.text()).toBe('{"response": "ok", "error": null}')
    expect(await engine.json<unknown>(first.stat_url)).toEqual(UNKNOWN)
    expect(await engine.json<unknown>(second.stat_url)).toEqual(UNKNOWN)
    expect(await engine.json<unknown>(`${second.command_url}?method=stop`)).toEqual(UNKNOWN)
    expect((await engine.get(second.playback_url)).status).toBe(500)
    expect((await engine.state()).counters).toMatchObject({ stopped: 1, unknown_stops: 1 })
  })

  test('a content that was stopped opens again, under new URLs', async () => {
    await using engine = await TestEngine.start()
    const first = await engine.open()
    await engine.get(`${first.command_url}?method=stop`)
    expect((await engine.open()).command_url).not.toBe(first.command_url)
  })

  test('commands other than stop are not known', async () => {
    await using engine = await TestEngine.start()
    const { command_url } = await engine.open()
    expect(await engine.json<unknown>(`${command_url}?method=dance`)).toEqual({
      response: null,
      error: 'unknown method',
    })
  })

  test('forgotten sessions lead nowhere, as after a restart', async () => {
    await using engine = await TestEngine.start()
    const { playback_url, stat_url } = await engine.open()
    expect((await engine.control('/forget-sessions', { method: 'POST' })).status).toBe(200)
    expect((await engine.get(playback_url)).status).toBe(404)
    expect(await engine.json<unknown>(stat_url)).toEqual(UNKNOWN)
    expect((await engine.state()).counters.forgotten).toBe(1)
  })
})

describe('idle sessions', () => {
  const polled = async (engine: TestEngine, suffix: string): Promise<unknown> => {
    const { stat_url } = await engine.open()
    engine.clock.advance(40_000)
    await engine.json<Stat>(`${stat_url}${suffix}`)
    engine.clock.advance(40_000)
    return engine.json<unknown>(stat_url)
  }

  test('a session that nobody reads expires after a minute', async () => {
    await using engine = await TestEngine.start()
    const { stat_url } = await engine.open()
    engine.clock.advance(59_999)
    expect((await engine.state()).sessions).toHaveLength(1)
    engine.clock.advance(1)
    expect(await engine.json<unknown>(stat_url)).toEqual(UNKNOWN)
    expect((await engine.state()).counters.expired).toBe(1)
  })

  test('asking for statistics is activity', async () => {
    await using engine = await TestEngine.start()
    expect(await polled(engine, '')).toMatchObject({ error: null })
  })

  test('asking with skip_player_activity is none', async () => {
    await using engine = await TestEngine.start()
    expect(await polled(engine, '?skip_player_activity=1')).toEqual(UNKNOWN)
  })

  test('asking is never activity where the setting says so', async () => {
    await using engine = await TestEngine.start({ STAT_KEEPS_ALIVE: 'false' })
    expect(await polled(engine, '')).toEqual(UNKNOWN)
  })
})

describe('statistics', () => {
  test('go from nothing over idle and prebuf to dl', async () => {
    await using engine = await TestEngine.start()
    const { stat_url } = await engine.open()
    const stat = async () => (await engine.json<Stat>(stat_url)).response
    expect(await stat()).toEqual({})
    engine.clock.advance(100)
    const idle = await stat()
    expect(idle.status).toBe('idle')
    expect(idle).not.toHaveProperty('peers')
    engine.clock.advance(900)
    const prebuf = await stat()
    expect(prebuf.status).toBe('prebuf')
    expect(prebuf).toHaveProperty('downloaded')
    expect(prebuf).not.toHaveProperty('livepos')
    engine.clock.advance(7000)
    expect(await stat()).toMatchObject({ status: 'dl', livepos: expect.any(Object) })
  })

  test('numbers are integers that agree with each other; positions are strings that move', async () => {
    await using engine = await TestEngine.start()
    const { stat_url } = await engine.open()
    const stat = async () => (await engine.json<Stat>(stat_url)).response
    engine.clock.advance(20_000)
    const before = await stat()
    engine.clock.advance(50_000)
    const after = await stat()
    const { downloaded = 0, speed_down = 0 } = after
    expect(Number.isInteger(speed_down)).toBe(true)
    expect(downloaded % 16_384).toBe(0)
    expect(Math.abs(downloaded - (before.downloaded ?? 0) - speed_down * 1024 * 50)).toBeLessThan(100_000)
    for (const value of Object.values(after.livepos ?? {})) expect(value).toBeString()
    expect(Number(after.livepos?.last) - Number(before.livepos?.last)).toBe(50)
    expect(Number(after.livepos?.live_last) - Number(after.livepos?.live_first)).toBe(1800)
  })
})

describe('events', () => {
  test('the first poll tells that it is live, the next waits for the end', async () => {
    await using engine = await TestEngine.start()
    const { event_url = '', command_url } = await engine.open(`id=${CONTENT_ID}&use_api_events=1`)
    expect(await engine.json<unknown>(event_url)).toEqual({
      response: { name: 'live_changed', params: { is_live: 1 } },
      error: null,
    })
    let ended = false
    const poll = engine.get(event_url).finally(() => {
      ended = true
    })
    await engine.json<unknown>('/server/api?method=get_status')
    expect(ended).toBe(false)
    await engine.get(`${command_url}?method=stop`)
    expect(await readJson<unknown>(await poll)).toEqual(UNKNOWN)
  })
})
