import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import type { Faults } from '../faults.ts'
import { ByteReader } from '../testing/byte-reader.ts'
import { CONTENT_ID, OTHER_ID, readJson, TestEngine, until } from '../testing/harness.ts'
import { continuityErrors, parsePackets } from '../testing/packets.ts'

const STATUS = '/server/api?api_version=3&method=get_status'
const NETWORK = '/server/api?api_version=3&method=get_network_connection_status'
const VERSION = '/webui/api/service?method=get_version'
const GET_STREAM = `/ace/getstream?id=${OTHER_ID}&format=json`

interface Stat {
  readonly response: Readonly<Record<string, unknown>> & {
    readonly livepos: Readonly<Record<string, string>>
  }
}

describe('hangs', () => {
  const paths = async (engine: TestEngine) => {
    const { stat_url, command_url } = await engine.open()
    return {
      status: STATUS,
      version: VERSION,
      content: GET_STREAM,
      stat: stat_url,
      stop: `${command_url}?method=stop`,
    }
  }
  type Call = keyof Awaited<ReturnType<typeof paths>>

  test.each<[Faults['hang'][number], readonly Call[]]>([
    ['all', ['status', 'version', 'content', 'stat', 'stop']],
    ['status', ['status']],
    ['content', ['content']],
    ['stat', ['stat']],
    ['stop', ['stop']],
  ])('"%s" holds %j until it is cleared, and nothing else', async (kind, expected) => {
    await using engine = await TestEngine.start()
    const calls = Object.entries(await paths(engine))
    await engine.setFaults({ hang: [kind] })
    const answered = new Set<string>()
    const answers = calls.map(async ([name, path]) => {
      const { status } = await engine.get(path)
      answered.add(name)
      return status
    })
    await until(async () => callCount(await engine.state()) === calls.length + 1)
    await until(() => answered.size === calls.length - expected.length)
    expect(calls.map(([name]) => name).filter((name) => !answered.has(name))).toEqual([...expected])
    await engine.control('/faults', { method: 'DELETE' })
    expect(await Promise.all(answers)).toEqual(calls.map(() => 200))
  })

  test('what one kind holds stays held when everything hangs instead', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ hang: ['content'] })
    const held = engine.get(GET_STREAM)
    await until(async () => callCount(await engine.state()) === 1)
    await engine.setFaults({ hang: ['all'] })
    expect((await engine.state()).counters.opened).toBe(0)
    await engine.setFaults({ hang: [] })
    expect((await held).status).toBe(200)
  })

  test('a hang of everything also stops playback and the state can still be asked', async () => {
    await using engine = await TestEngine.start()
    const { answer } = await engine.startPlayback((await engine.open()).playback_url)
    engine.clock.advance(1000)
    const reader = new ByteReader(await answer)
    await engine.setFaults({ hang: ['all'] })
    const before = (await engine.state()).counters.bytes_sent
    engine.clock.advance(5000)
    expect((await engine.state()).counters.bytes_sent).toBe(before ?? 0)
    await reader.leave()
  })
})

describe('faults of playback', () => {
  const playing = async (engine: TestEngine) => {
    const { answer } = await engine.startPlayback((await engine.open()).playback_url)
    engine.clock.advance(1000)
    return new ByteReader(await answer)
  }

  test('silent: the connection stays and nothing comes; when cleared the stream goes on without a gap', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ silent_after_bytes: 10_000 })
    const reader = await playing(engine)
    engine.clock.advance(60_000)
    const state = await engine.state()
    expect(state.counters.bytes_sent).toBe(10_000)
    expect(state.sessions[0]?.readers).toBe(1)
    await engine.setFaults({ silent_after_bytes: null })
    engine.clock.advance(1000)
    expect(continuityErrors(parsePackets(await reader.take(188_000)))).toBe(0)
    await reader.leave()
  })

  test('cut: the body ends after so many bytes', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ cut_after_bytes: 10_000 })
    const reader = await playing(engine)
    expect((await reader.takeAll()).length).toBe(10_000)
  })

  test('reset: the connection breaks', async () => {
    await using engine = await TestEngine.start()
    const { playback_url } = await engine.open()
    const redirect = await engine.get(playback_url, { redirect: 'manual' })
    const failure = connectionFailure(
      engine.ports.http,
      new URL(redirect.headers.get('location') ?? '').pathname,
    )
    await until(async () => (await engine.state()).sessions[0]?.readers === 1)
    await engine.setFaults({ reset_after_bytes: 0 })
    engine.clock.advance(100)
    expect(await failure).toBe('ECONNRESET')
  })

  test('an error for getstream: no session opens, in both forms, until it is cleared', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ getstream_error: 'failed to start' })
    const answer = await engine.json<{ response: null; error: string }>(GET_STREAM)
    expect(answer).toEqual({ response: null, error: 'failed to start' })
    expect((await engine.get(GET_STREAM.replace('&format=json', ''))).status).toBe(500)
    expect((await engine.state()).counters.opened).toBe(0)
    await engine.setFaults({ getstream_error: null })
    expect((await engine.open()).infohash).toMatch(/^[0-9a-f]{40}$/)
  })

  test('no data for any content: sessions open, peers are there, and no byte comes; when cleared it plays', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ no_data: true })
    const { playback_url, stat_url } = await engine.open()
    const { answer } = await engine.startPlayback(playback_url)
    engine.clock.advance(30_000)
    const { response } = await engine.json<Stat>(stat_url)
    expect(response).toMatchObject({ status: 'prebuf', peers: 7, speed_down: 0, downloaded: 0 })
    expect((await engine.state()).counters.bytes_sent).toBe(0)
    await engine.setFaults({ no_data: false })
    engine.clock.advance(1000)
    const reader = new ByteReader(await answer)
    expect(parsePackets(await reader.take(1880))).toHaveLength(10)
    await reader.leave()
  })

  test.each<Partial<Faults>>([{ no_peers: true }, { disconnected: true }, { content: { aaaa: 'no_peers' } }])(
    '%j: no headers, no peers, no bytes; when cleared it plays',
    async (faults) => {
      await using engine = await TestEngine.start()
      await engine.setFaults(faults)
      const { playback_url, stat_url } = await engine.open()
      const { answer } = await engine.startPlayback(playback_url)
      engine.clock.advance(30_000)
      const { response } = await engine.json<Stat>(stat_url)
      expect(response).toMatchObject({ status: 'prebuf', peers: 0, speed_down: 0, downloaded: 0 })
      expect((await engine.state()).counters.bytes_sent).toBe(0)
      await engine.control('/faults', { method: 'DELETE' })
      engine.clock.advance(1000)
      const reader = new ByteReader(await answer)
      expect(parsePackets(await reader.take(1880))).toHaveLength(10)
      await reader.leave()
    },
  )

  test('no data: peers are there and send nothing', async () => {
    await using engine = await TestEngine.start()
    const { stat_url } = await engine.open(`id=0bad${'0'.repeat(36)}`)
    engine.clock.advance(30_000)
    const { response } = await engine.json<Stat>(stat_url)
    expect(response).toMatchObject({ status: 'prebuf', peers: 7, speed_down: 0, downloaded: 0 })
  })
})

describe('faults of the network', () => {
  test('disconnected: says so, and what played stalls', async () => {
    await using engine = await TestEngine.start()
    const { stat_url } = await engine.open()
    engine.clock.advance(20_000)
    await engine.setFaults({ disconnected: true })
    expect(await engine.json<unknown>(NETWORK)).toEqual({ result: { connected: false } })
    const before = (await engine.json<Stat>(stat_url)).response
    engine.clock.advance(10_000)
    const after = (await engine.json<Stat>(stat_url)).response
    expect(after).toMatchObject({ peers: 0, speed_down: 0, speed_up: 0 })
    expect([after.downloaded, after.livepos]).toEqual([before.downloaded, before.livepos])
  })

  test('stuck sessions stall on when the network is back, new ones do not', async () => {
    await using engine = await TestEngine.start()
    const stuck = await engine.open()
    engine.clock.advance(10_000)
    await engine.setFaults({ disconnected: true, sessions_stuck: true })
    await engine.setFaults({ disconnected: false })
    const fresh = await engine.open(`id=${OTHER_ID}`)
    engine.clock.advance(10_000)
    expect((await engine.json<Stat>(stuck.stat_url)).response.speed_down).toBe(0)
    expect((await engine.json<Stat>(fresh.stat_url)).response.speed_down).toBeGreaterThan(0)
  })
})

describe('faults of the answers', () => {
  const statAfter = async (engine: TestEngine, url: string) => {
    engine.clock.advance(10_000)
    return (await engine.json<Stat>(url)).response
  }

  test('a status of 5xx for all API calls, and playback goes on', async () => {
    await using engine = await TestEngine.start()
    const { playback_url, stat_url } = await engine.open()
    await engine.setFaults({ api_status: 503 })
    for (const path of [STATUS, VERSION, GET_STREAM, stat_url])
      expect((await engine.get(path)).status).toBe(503)
    expect((await engine.get(playback_url, { redirect: 'manual' })).status).toBe(302)
  })

  test('frozen positions, while bytes go on', async () => {
    await using engine = await TestEngine.start()
    const { stat_url } = await engine.open()
    const before = await statAfter(engine, stat_url)
    await engine.setFaults({ livepos_frozen: true })
    const after = await statAfter(engine, stat_url)
    expect(after.livepos).toEqual(before.livepos)
    expect(Number(after.downloaded)).toBeGreaterThan(Number(before.downloaded))
  })

  test('speeds in camel case', async () => {
    await using engine = await TestEngine.start()
    const { stat_url } = await engine.open()
    await engine.setFaults({ camel_case_speeds: true })
    const response = await statAfter(engine, stat_url)
    expect(response).toMatchObject({ speedDown: expect.any(Number), speedUp: expect.any(Number) })
    expect(response).not.toHaveProperty('speed_down')
  })

  test('booleans where the protocol has integers', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ boolean_flags: true })
    expect(await engine.open()).toMatchObject({ is_live: true, is_encrypted: false } as object)
  })

  test('JSON without its end', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ truncated_json: true })
    const text = await (await engine.get(VERSION)).text()
    expect(text).toStartWith('{"result": {"platform"')
    expect(() => JSON.parse(text)).toThrow(SyntaxError)
  })

  test('long answers, which say what they say after many blanks', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ answer_bytes: 5_000_000 })
    const answer = await engine.get(STATUS)
    expect(answer.headers.get('content-length')).toBe('5000000')
    const text = await answer.text()
    expect(text).toHaveLength(5_000_000)
    expect(JSON.parse(text)).toMatchObject({ result: { playlist_loaded: true } })
  })

  test('packed answers, small on the wire, from the start on', async () => {
    const faults: Partial<Faults> = { answer_bytes: 5_000_000, packed_answers: true }
    await using engine = await TestEngine.start({ FAULTS: JSON.stringify(faults) })
    const unasked = { decompress: false, headers: { 'accept-encoding': 'identity' } }
    const answer = await engine.get(STATUS, unasked)
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    const wire = await answer.arrayBuffer()
    expect(wire.byteLength).toBeLessThan(50_000)
    expect(new TextDecoder().decode(Bun.gunzipSync(new Uint8Array(wire)))).toHaveLength(5_000_000)
  })

  test('one content that never answers, while others do', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ content: { aaaa: 'hang' } })
    const held = engine.get(`/ace/getstream?id=${CONTENT_ID}&format=json`)
    await until(async () => (await engine.state()).counters.calls['/ace/getstream'] === 1)
    expect((await engine.open(`id=${OTHER_ID}`)).infohash).toStartWith('bbbb')
    expect((await engine.state()).sessions).toHaveLength(1)
    await engine.setFaults({ content: {} })
    expect(await readJson<unknown>(await held)).toMatchObject({ error: null })
  })
})

describe('control port', () => {
  test.each([
    [{ hang: ['everything'] }, 'hang'],
    [{ silent_after_bytes: -1 }, 'silent_after_bytes'],
    [{ api_status: 404 }, 'api_status'],
    [{ disconnected: 'yes' }, 'disconnected'],
    [{ content: { xyz: 'dead' } }, 'content'],
    [{ content: { dead: 'sings' } }, 'content'],
    [{ no_peers: true, colour: 'red' }, 'colour'],
    [[], 'body'],
  ])('%j is refused, naming %s, and changes nothing', async (body, name) => {
    await using engine = await TestEngine.start()
    const answer = await engine.control('/faults', { method: 'POST', body: JSON.stringify(body) })
    expect(answer.status).toBe(400)
    expect((await readJson<{ error: string }>(answer)).error).toContain(name)
    expect(await readJson<unknown>(await engine.control('/faults'))).toMatchObject({ no_peers: false })
  })

  test('text that is no JSON, and an exit code that is none', async () => {
    await using engine = await TestEngine.start()
    expect((await engine.control('/faults', { method: 'POST', body: '{' })).status).toBe(400)
    expect((await engine.control('/exit?code=256', { method: 'POST' })).status).toBe(400)
  })

  test('a fault that is set leaves the others as they are', async () => {
    await using engine = await TestEngine.start()
    await engine.setFaults({ no_peers: true })
    await engine.setFaults({ hang: ['stop'] })
    const faults = await readJson<Faults>(await engine.control('/faults'))
    expect(faults).toMatchObject({ no_peers: true, hang: ['stop'] })
  })
})

/** How a connection ends: the code of its error, or `end`. Read from the socket, because `fetch` treats both as an end. */
function connectionFailure(port: number, path: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  return new Promise((resolve) => {
    socket.on('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message))
    socket.on('end', () => resolve('end'))
    socket.resume()
  })
}

const callCount = ({ counters }: { counters: { calls: Readonly<Record<string, number>> } }): number =>
  Object.values(counters.calls).reduce((sum, count) => sum + count, 0)
