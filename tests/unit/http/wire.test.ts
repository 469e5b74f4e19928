import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type RawAnswer, rawAnswer } from '../../support/raw-http.ts'
import { Rig } from '../../support/rig.ts'

/*
 * Behaviour that is only visible on the wire: Bun reads the request line and the Host before our code, and answers invalid
 * ones itself.
 */

let rig: Rig
let port: number

beforeAll(async () => {
  rig = await new Rig({ API_KEY: 'secret', API_KEY_PROTECT_READS: 'true' }).start()
  const { app } = rig.orchestrator
  app.listen({ hostname: '127.0.0.1', port: 0 })
  port = app.server?.port ?? 0
})
afterAll(async () => {
  await rig.orchestrator.app.stop(true)
  await rig.dispose()
})

const ask = (...lines: readonly string[]): Promise<RawAnswer> =>
  rawAnswer(port, `${lines.join('\r\n')}\r\n\r\n`)

/** Checks that an answer has none of our source and no stack. */
function expectNoInsides({ text }: RawAnswer): void {
  expect(text).not.toMatch(/<html|\.ts|node_modules|stack|\bat /i)
  expect(text.length).toBeLessThan(1_500)
}

describe('a Host that is none', () => {
  test.each([
    ['a b'],
    ['localhost/engines?'],
    ['user@localhost'],
    ['localhost#'],
    ['[::1'],
    ['127.0.0.1:99999'],
    ['evil%2eexample'],
    ['bücher.example'],
    ['localhost\r\nHost: evil.example'],
    ['evil.example\r\nHost: localhost'],
  ])('is answered with a problem document: %p', async (host) => {
    for (const [method, path] of [
      ['GET', '/healthz'],
      ['GET', '/engines'],
      ['POST', '/gc'],
      ['GET', '//engines'],
      ['OPTIONS', '/'],
    ]) {
      const logged = rig.logged.length
      const answer = await ask(`${method} ${path} HTTP/1.1`, `Host: ${host}`)
      expect([answer.status, answer.json.code]).toEqual([400, 'malformed_host'])
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expectNoInsides(answer)
      expect(rig.logged.slice(logged)).toEqual([])
    }
  })
})

describe('HTTP/1.0 without a Host', () => {
  test('works, as a load balancer checks our health', async () => {
    const options = await ask('OPTIONS / HTTP/1.0')
    expect([options.status, options.text]).toEqual([204, ''])
    expect((await ask('GET /healthz HTTP/1.0')).json).toEqual({ status: 'ok' })
    expect((await ask('GET //healthz HTTP/1.0')).status).toBe(200)
    expect((await ask('GET /healthz HTTP/1.0', 'Host: ')).status).toBe(200)
  })

  test('needs the key as everything does, and has a body', async () => {
    expect((await ask('GET /engines HTTP/1.0')).status).toBe(401)
    expect((await ask('GET /engines HTTP/1.0', 'Authorization: Bearer secret')).text).toBe('[]')
    const body = '{"stream_id":"x"}'
    const head = ['POST /events/stream_ended HTTP/1.0', `Content-Length: ${body.length}`]
    const answer = await rawAnswer(
      port,
      `${[...head, 'Authorization: Bearer secret'].join('\r\n')}\r\n\r\n${body}`,
    )
    expect(answer.json).toEqual({ updated: false, stream: null })
  })

  test('is no page of ours', async () => {
    const answer = await ask('POST /gc HTTP/1.0', 'Origin: http://localhost', 'Authorization: Bearer secret')
    expect(answer.json.code).toBe('cross_site')
  })
})

describe('a request line with a whole URL in it', () => {
  test('is for the Host of the header alone, whatever it says', async () => {
    for (const target of ['http://localhost/healthz', 'http://127.0.0.1/healthz', 'http://localhost:99/x'])
      expect((await ask(`GET ${target} HTTP/1.1`, 'Host: evil.example')).json.code).toBe('host_not_allowed')
    expect((await ask('GET http://evil.example/healthz HTTP/1.1', 'Host: localhost')).status).toBe(200)
    expect((await ask('GET http://evil.example/engines HTTP/1.1', 'Host: localhost')).status).toBe(401)
  })

  test('that has no path is answered', async () => {
    const answer = await ask('CONNECT evil.example:80 HTTP/1.1', 'Host: localhost')
    expect([answer.status, answer.json.code]).toEqual([400, 'malformed_target'])
  })
})

describe('a path', () => {
  /** By default Elysia skips eleven letters of a URL, so it would read the paths at these hosts wrongly. */
  test.each(['a', 'x:1', '1.1.1.1', 'localhost', '[::1]:8000'])(
    'is read in one way at the Host %s',
    async (host) => {
      const code = async (target: string, ...more: string[]): Promise<number> =>
        (await ask(`GET ${target} HTTP/1.1`, `Host: ${host}`, ...more)).status
      const KEY = 'Authorization: Bearer secret'
      for (const open of [
        '/healthz',
        '//healthz',
        '/x/../healthz',
        '/healthz?x',
        '/orchestrator/status',
        '/swagger',
      ])
        expect([open, await code(open)]).toEqual([open, 200])
      for (const shut of [
        '/engines',
        '//engines',
        '/engines/',
        '/healthz/../engines',
        '/engines?/healthz',
        '/engines?x=//healthz',
        '/%65ngines',
        '/engines#/healthz',
        '/healthz%2f..%2fengines',
        '/\\healthz/../engines',
        '/swagger/../engines',
      ])
        expect([shut, await code(shut)]).toEqual([shut, 401])
      expect(await code('/engines', KEY)).toBe(200)
      expect(await code('/engines/none', KEY)).toBe(404)
      expect(await code('/streams?status=started', KEY)).toBe(200)
      expect(await code('/streams?status=x', KEY)).toBe(422)
      expect(await code('/streams/none/stats?since=2026-01-01T00:00:00Z', KEY)).toBe(404)
    },
  )
})

test('what fails before every answer to errors is answered in one sentence and told once', async () => {
  await rig.clock.advance(60_000)
  const logged = rig.logged.length
  const { push } = rig.logged
  rig.logged.push = () => {
    rig.logged.push = push
    throw new Error('inner words')
  }
  const answer = await ask('GET /engines HTTP/1.1', 'Host: evil.example')
  expect([answer.status, answer.json.code]).toEqual([500, 'internal_error'])
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expectNoInsides(answer)
  expect(rig.logged.slice(logged)).toHaveLength(1)
})

test('a second server does not get the port of the first', () => {
  const other = new Rig()
  expect(() => other.orchestrator.app.listen({ hostname: '127.0.0.1', port })).toThrow('in use')
  return other.dispose()
})
