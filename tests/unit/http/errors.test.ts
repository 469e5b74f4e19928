import { afterEach, describe, expect, test } from 'bun:test'
import { Rig } from '../../support/rig.ts'

interface Problem {
  readonly detail: readonly { readonly loc: readonly string[]; readonly msg: string }[]
  readonly status: number
  readonly code: string
}

const problem = async (response: Response): Promise<Problem> => (await response.json()) as Problem

let rig: Rig
afterEach(() => rig.dispose())

const start = async (env: Record<string, string> = {}) => {
  rig = await new Rig(env).start()
}

describe('invalid input', () => {
  test.each([
    ['/provision/acestream', '{"labels":', ['body']],
    ['/provision/acestream', '[]', ['body']],
    ['/provision/acestream', '"text"', ['body']],
    ['/provision/acestream', '{"labels":{"a":1}}', ['body.labels.a']],
    ['/provision/acestream', '{"env":[]}', ['body.env']],
    ['/provision/acestream', '{"host_port":70000}', ['body.host_port']],
    ['/provision/acestream', '{"host_port":"19000"}', ['body.host_port']],
    ['/provision/acestream', '{"host_port":1.5}', ['body.host_port']],
    ['/provision/acestream', '{"image":""}', ['body.image']],
    ['/provision/acestream', '{"image":"Upper/Case"}', ['body.image']],
    ['/provision/acestream', '{"env":{"":"x"}}', ['body.env']],
    ['/provision', '{"image":":::"}', ['body.image']],
    ['/provision/acestream', '{"env":{"HTTP_PORT":"1","A=B":"c"}}', ['body.env.HTTP_PORT', 'body.env.A=B']],
    [
      '/provision/acestream',
      '{"labels":{"roundhouse.engine":"x","test.label":"y"}}',
      ['body.labels.roundhouse.engine', 'body.labels.test.label'],
    ],
    [
      '/provision/acestream',
      '{"labels":{"a":1},"env":{"b":2},"host_port":0}',
      ['body.labels.a', 'body.env.b', 'body.host_port'],
    ],
    ['/provision', '{"ports":{"80/tcp":0}}', ['body.ports.80/tcp']],
    ['/provision', '{"ports":{"99999":80}}', ['body.ports.99999']],
    ['/provision', '{"ports":{"http":80}}', ['body.ports']],
    ['/provision', '{"name_prefix":"a b"}', ['body.name_prefix']],
    ['/events/stream_started', '{}', ['body.engine', 'body.stream', 'body.session']],
    ['/events/stream_ended', '{"stream_id":5}', ['body.stream_id']],
  ])('POST %s %s names %p', async (path, body, fields) => {
    await start()
    const response = await rig.request('POST', path, body)
    expect(response.status).toBe(422)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const { detail } = await problem(response)
    const named = detail.map(({ loc }) => loc.join('.'))
    for (const field of fields)
      expect(named.some((name) => name === field || name.startsWith(`${field}.`))).toBe(true)
    expect(rig.runtime.containers()).toEqual([])
  })

  test.each([
    ['/streams?status=playing', 'query.status'],
    ['/engines?status=some', 'query.status'],
    ['/streams/a/stats?since=yesterday', 'query.since'],
    ['/by-label?value=x', 'query.key'],
  ])('GET %s names %s', async (path, field) => {
    await start()
    const response = await rig.request('GET', path)
    expect(response.status).toBe(422)
    const { detail } = await problem(response)
    expect(detail.map(({ loc }) => loc.join('.'))).toContain(field)
  })

  test('is named in production too', async () => {
    const before = process.env.NODE_ENV ?? 'test'
    process.env.NODE_ENV = 'production'
    try {
      await start()
      const response = await rig.request('POST', '/provision/acestream', { host_port: 70_000 })
      expect((await problem(response)).detail[0]?.loc).toEqual(['body', 'host_port'])
    } finally {
      process.env.NODE_ENV = before
    }
  })

  test('a body over the limit is refused, whether its length is told or not', async () => {
    await start()
    const body = JSON.stringify({ labels: { a: 'x'.repeat(1_100_000) } })
    const told = await rig.request('POST', '/provision', body, {
      headers: { 'content-length': String(body.length) },
    })
    expect([told.status, (await problem(told)).code]).toEqual([413, 'too_large'])
    const chunks = new Blob([body]).stream()
    const untold = await rig.request('POST', '/provision', undefined, { body: chunks })
    expect(untold.status).toBe(413)
  })
})

describe('what is not there', () => {
  test.each([
    ['GET', '/nothing', 404],
    ['GET', '/engines/none', 404],
    ['GET', '/streams/none/stats', 404],
    ['GET', '/containers/none', 404],
    ['DELETE', '/containers/none', 404],
    ['PUT', '/engines', 405],
    ['GET', '/provision/acestream', 405],
  ])('%s %s is %i', async (method, path, status) => {
    await start()
    const response = await rig.request(method, path)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ status, should_wait: false })
    if (status === 405) expect(response.headers.get('allow')).not.toBeNull()
  })
})

describe('the key', () => {
  const withKey = (key: string) => ({ headers: { authorization: key } })

  test.each([
    ['POST', '/provision/acestream'],
    ['POST', '/provision'],
    ['DELETE', '/containers/x'],
    ['POST', '/events/stream_started'],
    ['POST', '/events/stream_ended'],
    ['POST', '/health/circuit-breaker/reset'],
    ['GET', '/by-label?key=a&value=b'],
    ['GET', '/by-label/?key=a&value=b'],
    ['GET', '//by-label?key=a&value=b'],
    ['GET', '/by-label'],
  ])('%s %s needs it, and is refused before the body is looked at', async (method, path) => {
    await start({ API_KEY: 'secret' })
    const body = method === 'POST' ? 'not json' : undefined
    const missing = await rig.request(method, path, body)
    expect([missing.status, String((await problem(missing)).detail)]).toEqual([401, 'missing bearer token'])
    expect(missing.headers.get('www-authenticate')).toBe('Bearer')
    for (const wrong of ['Bearer wrong', 'Bearer secret2', 'Bearer SECRET']) {
      const refused = await rig.during(rig.request(method, path, body, withKey(wrong)))
      expect([refused.status, String((await problem(refused)).detail)]).toEqual([403, 'invalid token'])
    }
    const basic = await rig.request(method, path, body, withKey('Basic secret'))
    expect(basic.status).toBe(401)
    const right = await rig.request(method, path, body, withKey('Bearer secret'))
    expect([401, 403]).not.toContain(right.status)
  })

  test.each([
    '/engines',
    '/streams?status=started',
    '/orchestrator/status',
    '/health/status',
    '/vpn/status',
    '/metrics',
    '/healthz',
    '/swagger',
    '/swagger/',
    '/swagger/json',
  ])('GET %s is open', async (path) => {
    await start({ API_KEY: 'secret' })
    expect((await rig.request('GET', path)).status).toBe(200)
  })

  test('is on every read but three with API_KEY_PROTECT_READS, and the document says so', async () => {
    await start({ API_KEY: 'secret', API_KEY_PROTECT_READS: 'true' })
    const right = withKey('Bearer secret')
    const { paths } = await rig.json<{
      paths: Record<string, Record<string, { security?: object[]; responses: Record<string, object> }>>
    }>('GET', '/swagger/json')
    const open: string[] = []
    for (const [path, { get }] of Object.entries(paths)) {
      if (get === undefined) continue
      const asked = path.replaceAll(/{\w+}/g, 'x')
      const without = await rig.request('GET', asked)
      const isOpen = without.status !== 401
      if (isOpen) open.push(path)
      else {
        const wrong = rig.request('GET', asked, undefined, withKey('Bearer wrong'))
        expect((await rig.during(wrong)).status, path).toBe(403)
        expect([401, 403], path).not.toContain((await rig.request('GET', asked, undefined, right)).status)
      }
      expect([path, Object.keys(get.responses).includes('401')]).toEqual([path, !isOpen])
      expect([path, (get.security ?? []).length > 0]).toEqual([path, !isOpen])
    }
    expect(open.toSorted()).toEqual(['/healthz', '/orchestrator/status', '/readyz'])
    for (const other of ['//engines', '/engines/', '/engines?status=all', '/swaggerx', '/healthz/../engines'])
      expect((await rig.request('GET', other)).status, other).toBe(401)
    expect((await rig.request('HEAD', '/engines')).status).toBe(401)
    for (const page of ['/swagger', '/swagger/', '/swagger/json'])
      expect((await rig.request('GET', page)).status, page).toBe(200)
  })

  test('is never logged', async () => {
    await start({ API_KEY: 'secret' })
    await rig.during(rig.request('POST', '/provision/acestream', {}, withKey('Bearer wrong-key-here')))
    expect(rig.logged.join('\n')).not.toMatch(/secret|wrong-key-here/)
  })
})

test('metrics are given without a redirect, computed at the scrape', async () => {
  await start()
  await rig.provision()
  const response = await rig.request('GET', '/metrics')
  expect(response.headers.get('content-type')).toStartWith('text/plain; version=0.0.4')
  const text = await response.text()
  expect(text).toContain('orch_provision_total{kind="acestream"} 1')
  expect(text).toContain('orch_engines{status="starting"} 1')
  expect(text).toContain('orch_streams_active 0')
})
