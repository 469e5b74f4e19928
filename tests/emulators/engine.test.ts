/**
 * Tests the engine emulator against the known behaviour of the real engine. The emulator runs in this process, on loopback
 * ports and a clock that the tests move, so nothing here waits in real time. Tests that need a separate process are in
 * `engine/program/`, those that need no network in `engine/units/`, and those of faults and playback in `engine/behaviour/`.
 */

import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { createContext } from './engine/engine-context.ts'
import { dispatch } from './engine/routes.ts'
import { readSettings } from './engine/settings.ts'
import { FakeClock } from './engine/testing/fake-clock.ts'
import { CONTENT_ID, readJson, type StreamAnswer, TestEngine, until } from './engine/testing/harness.ts'

const DEAD = `dead${'0'.repeat(36)}`
const FILES = `f11e${'0'.repeat(36)}`

describe('identity', () => {
  test('get_version is printed the way Python prints it', async () => {
    await using engine = await TestEngine.start()
    const answer = await engine.get('/webui/api/service?method=get_version')
    expect(await answer.text()).toBe(
      '{"result": {"platform": "linux", "version": "3.2.11", "code": 3021100, "websocket_port": 37293}, "error": null}',
    )
    expect(answer.headers.get('server')).toBe('BaseHTTP/0.3 Python/2.7.13')
  })

  test('versions before 3.2 have no web socket port; a callback makes it JSONP', async () => {
    await using engine = await TestEngine.start({ ENGINE_VERSION: '3.1.70' })
    const answer = await engine.get('/webui/api/service?method=get_version&format=jsonp&callback=f')
    expect(await answer.text()).toBe(
      'f({"result": {"platform": "linux", "version": "3.1.70", "code": 3017000}, "error": null})',
    )
  })

  test.each([
    ['/server/api?method=get_version', { result: null, error: 'access denied' }],
    ['/server/api?api_version=3&method=get_version', { error: { message: 'access denied', code: 0 } }],
    ['/server/api?api_version=3&method=dance', { error: { message: 'unknown method', code: 0 } }],
    ['/webui/api/service?method=dance', { result: null, error: 'unknown method' }],
    ['/server/api?api_version=3&method=get_network_connection_status', { result: { connected: true } }],
    [
      '/server/api?api_version=3&method=get_status',
      {
        result: { version: { platform: 'linux', version: '3.2.11', code: 3_021_100 }, playlist_loaded: true },
      },
    ],
  ])('%s', async (path, expected) => {
    await using engine = await TestEngine.start()
    const answer = await engine.get(path)
    expect(answer.status).toBe(200)
    expect(await readJson<unknown>(answer)).toEqual(expected)
  })

  test('the access token is 64 hex digits and stays', async () => {
    await using engine = await TestEngine.start()
    const ask = () => engine.json<{ result: { token: string } }>('/server/api?method=get_api_access_token')
    const { result } = await ask()
    expect(result.token).toMatch(/^[0-9a-f]{64}$/)
    expect((await ask()).result).toEqual(result)
  })

  test('paths and methods that the engine does not know', async () => {
    await using engine = await TestEngine.start()
    expect((await engine.get('/nothing')).status).toBe(404)
    expect((await engine.get('/server/api?method=get_status', { method: 'POST' })).status).toBe(501)
  })

  test.each([
    ['8.8.8.8', {}, 500],
    ['10.0.0.1', {}, 200],
    ['8.8.8.8', { BIND_ALL: 'true' }, 200],
  ])('a client at %s with %j gets %d', async (remoteAddress, env, expected) => {
    expect(await statusFor(remoteAddress, env)).toBe(expected)
  })
})

describe('old API', () => {
  test('greets, and accepts a key once it is ready', async () => {
    await using engine = await TestEngine.start({ BOOT_MS: '5000' })
    using api = lineClient(engine.ports.api)
    api.send('HELLOBG version=3\r\n')
    await until(() => api.lines.length === 1)
    expect(api.lines[0]).toMatch(
      /^HELLOTS version=3\.2\.11 version_code=3021100 key=[0-9a-f]{10} http_port=\d+ bmode=0$/,
    )
    api.send('READY key=abc\r\nREA')
    await until(() => api.lines.length === 2)
    engine.clock.advance(5000)
    await until(async () => (await engine.state()).ready)
    api.send('DY key=abc\r\nREADY\r\n')
    await until(() => api.lines.length === 4)
    expect(api.lines.slice(1)).toEqual(['NOTREADY', 'AUTH 0', 'NOTREADY'])
  })
})

describe('starting', () => {
  test('the API answers before the engine is ready, and content waits until then', async () => {
    await using engine = await TestEngine.start({ BOOT_MS: '6000' })
    const status = () =>
      engine.json<{ result: { playlist_loaded: boolean } }>('/server/api?api_version=3&method=get_status')
    const network = () =>
      engine.json<{ result: { connected: boolean } }>('/server/api?method=get_network_connection_status')
    expect((await status()).result.playlist_loaded).toBe(false)
    expect((await network()).result.connected).toBe(false)
    const opening = engine.open()
    engine.clock.advance(5999)
    expect((await status()).result.playlist_loaded).toBe(false)
    expect((await engine.state()).counters.opened).toBe(0)
    engine.clock.advance(1)
    expect((await opening).infohash).toMatch(/^[0-9a-f]{40}$/)
    expect((await status()).result.playlist_loaded).toBe(true)
    expect((await network()).result.connected).toBe(true)
  })
})

describe('getstream', () => {
  test('the JSON form has all fields, with integers for flags and URLs of the host that was asked', async () => {
    await using engine = await TestEngine.start()
    const path = `/ace/getstream?id=${CONTENT_ID}&format=json&pid=1`
    const answer = await engine.get(path, { headers: { host: 'engine.test:1234' } })
    const { response, error } = await readJson<StreamAnswer>(answer)
    const { infohash, playback_session_id } = response
    const key = response.playback_url.split('/').at(-1)
    expect(error).toBeNull()
    expect(infohash).toMatch(/^[0-9a-f]{40}$/)
    expect(infohash).not.toBe(CONTENT_ID)
    expect(key).toMatch(/^[0-9a-f]{32}$/)
    expect(playback_session_id).toMatch(/^[0-9a-f]{40}$/)
    expect<unknown>(response).toStrictEqual({
      playback_url: `http://engine.test:1234/ace/r/${infohash}/${key}`,
      stat_url: `http://engine.test:1234/ace/stat/${infohash}/${key}`,
      command_url: `http://engine.test:1234/ace/cmd/${infohash}/${key}`,
      infohash,
      playback_session_id,
      is_live: 1,
      is_encrypted: 0,
      client_session_id: -1,
    })
  })

  test('the event URL comes on request only', async () => {
    await using engine = await TestEngine.start()
    expect((await engine.open(`id=${CONTENT_ID}&use_api_events=0`)).event_url).toBeUndefined()
    expect((await engine.open(`id=${CONTENT_ID}&use_api_events=1`)).event_url).toContain('/ace/event/')
  })

  test('without a format it redirects to the playback URL, and that to the bytes', async () => {
    await using engine = await TestEngine.start()
    const first = await engine.get(`/ace/getstream?id=${CONTENT_ID}`, { redirect: 'manual' })
    expect(first.status).toBe(302)
    expect(first.headers.get('location')).toMatch(
      /^http:\/\/127.0.0.1:\d+\/ace\/r\/[0-9a-f]{40}\/[0-9a-f]{32}$/,
    )
    const second = await engine.get(first.headers.get('location') ?? '', { redirect: 'manual' })
    expect(second.status).toBe(302)
    expect(second.headers.get('location')).toMatch(/\/content\/[0-9a-f]{40}\/[0-9a-f]{32}$/)
  })

  test.each([
    [`id=${DEAD}`, 4300],
    ['id=malformed', 4300],
    [`infohash=${DEAD}`, 28_000],
  ])('%s fails to load after %d ms, with status 200', async (query, delayMs) => {
    await using engine = await TestEngine.start()
    const answer = engine.get(`/ace/getstream?${query}&format=json`)
    await until(() => engine.clock.waiting === 1)
    engine.clock.advance(delayMs - 1)
    expect(engine.clock.waiting).toBe(1)
    engine.clock.advance(1)
    expect((await answer).status).toBe(200)
    expect(await (await answer).text()).toBe('{"response": null, "error": "failed to load content"}')
    expect((await engine.state()).counters.opened).toBe(0)
  })

  test('a request for a content that is being loaded takes the place of the one before', async () => {
    await using engine = await TestEngine.start({ LOAD_MS: '500' })
    const first = engine.get(`/ace/getstream?id=${CONTENT_ID}&format=json`)
    await until(() => engine.clock.waiting === 1)
    const second = engine.get(`/ace/getstream?id=${CONTENT_ID}&format=json`)
    expect(await (await first).text()).toBe('{"response": null, "error": "got newer download"}')
    await until(() => engine.clock.waiting === 1)
    engine.clock.advance(500)
    expect(await readJson<StreamAnswer>(await second)).toMatchObject({ error: null })
  })

  test('a client that leaves while its content loads opens no session', async () => {
    await using engine = await TestEngine.start({ LOAD_MS: '500' })
    const client = new AbortController()
    const answer = engine.get(`/ace/getstream?id=${CONTENT_ID}&format=json`, { signal: client.signal })
    const outcome = answer.catch((error: Error) => error.name)
    await until(() => engine.clock.waiting === 1)
    client.abort()
    expect(await outcome).toBe('AbortError')
    await until(() => engine.clock.waiting === 0)
    expect((await engine.state()).counters.opened).toBe(0)
  })

  test('errors other than a failed load', async () => {
    await using engine = await TestEngine.start({ LOAD_FAILURE_ID_MS: '0' })
    expect((await engine.get('/ace/getstream')).status).toBe(500)
    expect(await engine.json<unknown>('/ace/getstream?format=json&pid=1')).toEqual({
      response: null,
      error: 'missing content id',
    })
    const direct = await engine.get(`/ace/getstream?id=${DEAD}`)
    expect([direct.status, await direct.text()]).toEqual([500, 'failed to load content'])
  })

  test('a content of several files answers with a list, whose entries play', async () => {
    await using engine = await TestEngine.start()
    const list = await (await engine.get(`/ace/getstream?id=${FILES}&format=json`)).text()
    expect(list).toStartWith('#EXTM3U\n')
    const entries = list.split('\n').filter((line) => line.startsWith('http'))
    expect(entries).toHaveLength(2)
    expect((await engine.get(entries[0] ?? '', { redirect: 'manual' })).status).toBe(302)
  })
})

/**
 * The status that a request from this address receives. Tests can only connect from loopback, so the request is dispatched
 * directly.
 */
async function statusFor(remoteAddress: string, env: Record<string, string>): Promise<number> {
  const context = createContext(readSettings(env, []), new FakeClock(), AbortSignal.abort())
  const answered = Promise.withResolvers<number>()
  const unused = () => answered.reject(new Error('not a whole answer'))
  await dispatch(
    {
      method: 'GET',
      path: '/webui/api/service',
      query: new URLSearchParams('method=get_version'),
      host: 'h',
      remoteAddress,
      closed: new AbortController().signal,
      backlogBytes: 0,
      drained: async () => undefined,
      send: ({ status }) => answered.resolve(status),
      open: unused,
      write: unused,
      end: unused,
      reset: unused,
    },
    context,
  )
  return answered.promise
}

/** A connection to the old API, with the received lines. */
function lineClient(port: number): Disposable & { readonly lines: string[]; send(text: string): void } {
  const socket = connect(port, '127.0.0.1')
  const lines: string[] = []
  let rest = ''
  socket.on('data', (chunk) => {
    const parts = (rest + chunk.toString()).split('\r\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  return { lines, send: (text) => socket.write(text), [Symbol.dispose]: () => socket.destroy() }
}
