import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Type } from '@sinclair/typebox'
import { unknownMembers } from '../../../src/http/unknown-names.ts'
import { type ApiDocument, operationsOf, TOLERANT } from '../../support/api-document.ts'
import { Rig } from '../../support/rig.ts'

/* A slip in the name of a parameter or of a member is told, and not passed over, except where proxies and platforms ask. */

interface Problem {
  readonly code: string
  readonly message: string
  readonly detail: readonly { readonly loc: readonly string[]; readonly msg: string }[]
}

const KEY = 'key'

let rig: Rig
let document: ApiDocument
beforeAll(async () => {
  rig = await new Rig({ API_KEY: KEY }).start()
  document = await rig.json<ApiDocument>('GET', '/swagger/json')
})
afterAll(() => rig.dispose())

const ask = (method: string, path: string, body?: unknown): Promise<Response> =>
  rig.during(rig.request(method, path, body, { headers: { authorization: `Bearer ${KEY}` } }))

async function refused(method: string, path: string, body?: unknown): Promise<Problem> {
  const answer = await ask(method, path, body)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([422, 'application/problem+json'])
  const problem = (await answer.json()) as Problem
  expect(problem.code).toBe('invalid_request')
  return problem
}

const EVENTS = 'kind, engine, stream, since, limit, cursor'
const RESET = '/health/circuit-breaker/reset'
const NO_BODY = 'must be left out or an empty object, since this endpoint takes none'
const GENERIC = 'image, env, labels, ports, name_prefix'

describe('a query', () => {
  test.each([
    ['GET', '/events?kin=stream', 'kin', 'did you mean kind?'],
    ['GET', '/events?Limit=5', 'Limit', 'did you mean limit?'],
    ['GET', '/events?LIMIT=5', 'LIMIT', 'did you mean limit?'],
    ['GET', '/events?toString=1', 'toString', `it takes ${EVENTS}`],
    ['GET', '/events?__proto__=1', '__proto__', `it takes ${EVENTS}`],
    ['GET', '/events?constructor=1', 'constructor', `it takes ${EVENTS}`],
    ['GET', '/events?no=1&no=2', 'no', `it takes ${EVENTS}`],
    ['GET', '/events?%6Bin=stream', 'kin', 'did you mean kind?'],
    ['GET', '/events?what=stream', 'what', `it takes ${EVENTS}`],
    ['GET', '/streams/a%7Cb/stats?sinc=2026-01-01', 'sinc', 'did you mean since?'],
    ['GET', '/orchestrator/plan?dry=true', 'dry', 'it takes none'],
    ['GET', '/vpn/status?=x', '', 'it takes none'],
    ['GET', '/engines/x?__proto__=1', '__proto__', 'it takes none'],
    ['GET', '/events/stream?limits=1', 'limits', 'did you mean limit?'],
    ['POST', '/scale/2?force=1', 'force', 'it takes none'],
    ['POST', '/health/circuit-breaker/reset?operation=general', 'operation', 'it takes operation_type'],
    ['DELETE', '/containers/x?force=1', 'force', 'it takes none'],
    ['POST', '/provision?image=x', 'image', 'did you mean image of the body?'],
    ['POST', '/provision?what=x', 'what', `it takes none, and the body takes ${GENERIC}`],
  ])('of %s %s is refused for %p: %s', async (method, path, name, rest) => {
    const { detail, message } = await refused(method, path)
    expect(detail).toEqual([
      { loc: ['query', name], msg: `is not a parameter of this endpoint; ${rest}`, type: 'value_error' },
    ] as never)
    expect(message).toBe(`query.${name}: is not a parameter of this endpoint; ${rest}`)
  })

  test.each([
    ['GET', '/events?limit=1&limit=2', 'limit', '2 times'],
    ['GET', '/events?kind=a&kin%64=a&kind=a', 'kind', '3 times'],
    ['POST', `${RESET}?operation_type=general&operation_type=replacement`, 'operation_type', '2 times'],
    ['GET', '/by-label?key=a&value=b&key=a', 'key', '2 times'],
  ])('of %s %s is refused for %p, which is given %s', async (method, path, name, times) => {
    const { detail } = await refused(method, path)
    expect(detail).toEqual([
      { loc: ['query', name], msg: `is given ${times}; give it once`, type: 'value_error' },
    ] as never)
  })

  test('is told at once what is unknown and what is invalid', async () => {
    const { detail } = await refused('GET', '/by-label?kye=test.label&value=a%00&limit=5')
    expect(detail.map(({ loc }) => loc.join('.'))).toEqual([
      ...['query.kye', 'query.limit', 'query.key', 'query.value'],
    ])
    expect(detail[0]?.msg).toEndWith('did you mean key?')
  })

  test('of HEAD is refused like that of GET', async () => {
    expect((await ask('HEAD', '/events?kin=stream')).status).toBe(422)
    expect((await ask('HEAD', '/streams?statu=ended')).status).toBe(200)
  })

  test('is checked after the key', async () => {
    for (const path of ['/by-label?kye=a', '/containers/x/logs?lines=5'])
      expect((await rig.request('GET', path)).status).toBe(401)
    expect((await rig.request('POST', '/scale/2?force=1')).status).toBe(401)
  })

  test('of many unknown names names ten, and says that there are more', async () => {
    const names = Array.from({ length: 11 }, (_, n) => `no${n}`)
    const { detail, message } = await refused('GET', `/vpn/status?${names.join('&')}`)
    expect(detail).toHaveLength(10)
    expect(message).toEndWith('more is wrong, and only the first are named')
  })

  test('changes nothing when it is refused', async () => {
    const before = await (await ask('GET', '/events')).text()
    await refused('POST', '/scale/3?force=1')
    await refused('POST', '/gc?all=1')
    expect(await (await ask('GET', '/events')).text()).toBe(before)
  })
})

describe('a body', () => {
  test.each([
    ['/provision', { imag: 'x' }, 'imag', 'did you mean image?'],
    ['/provision', { host_port: 5_000 }, 'host_port', `it takes ${GENERIC}`],
    ['/provision', { __proto: {}, env: {} }, '__proto', `it takes ${GENERIC}`],
    ['/provision', { constructor: 1 }, 'constructor', `it takes ${GENERIC}`],
    ['/provision', '{"__proto__":1}', '__proto__', `it takes ${GENERIC}`],
    ['/provision', { NAME_PREFIX: 'x' }, 'NAME_PREFIX', 'did you mean name_prefix?'],
    ['/scale/2', { replicas: 4 }, 'replicas', 'it takes none'],
    [RESET, { operation_type: 'general' }, 'operation_type', 'did you mean operation_type of the query?'],
    [RESET, { operation: 'general' }, 'operation', 'it takes none, and the query takes operation_type'],
  ])('of POST %s %j is refused for %p', async (path, body, name, rest) => {
    const { detail } = await refused('POST', path, body)
    expect(detail).toEqual([
      { loc: ['body', name], msg: `is not a member of this body; ${rest}`, type: 'value_error' },
    ] as never)
  })

  test('is told at once what is unknown and what is invalid', async () => {
    const { detail } = await refused('POST', '/provision', { name_prefx: 'a', name_prefix: ' ' })
    expect(detail.map(({ loc }) => loc.join('.'))).toEqual(['body.name_prefx', 'body.name_prefix'])
  })

  test('may have any name in its maps', async () => {
    const maps = { labels: { anything: 'x' }, env: { ANYTHING: 'x' } }
    expect((await ask('POST', '/provision', maps)).status).toBe(200)
  })

  test('may be missing or empty where none is expected', async () => {
    for (const body of ['', '{}', ' ', 'null']) expect((await ask('POST', '/gc', body)).status).toBe(200)
  })

  test.each(['[]', '[1]', '"x"', '3', 'true'])(
    'is refused where none is expected if it is %s',
    async (body) => {
      const routes = [
        ...[['POST', '/gc'] as const, ['POST', '/scale/2'] as const, ['DELETE', '/scale'] as const],
        ...[['POST', RESET] as const, ['DELETE', '/containers/x'] as const],
      ]
      for (const [method, path] of routes) {
        const { detail } = await refused(method, path, body)
        expect(detail).toEqual([{ loc: ['body'], msg: NO_BODY, type: 'value_error' }] as never)
      }
    },
  )
})

describe('members of members', () => {
  const session = Type.Object({ is_live: Type.Integer(), more: Type.Union([Type.Object({}), Type.Null()]) })
  const schema = Type.Object({ session, map: Type.Record(Type.String(), Type.String()) })
  const found = (value: unknown) => [...unknownMembers(schema, value, ['body'])]

  test('are checked, too', () => {
    expect(found({ session: { is_liv: 1, more: { a: 1 } }, map: { any: 'x' } })).toEqual([
      {
        loc: ['body', 'session', 'is_liv'],
        msg: 'is not a member of session; did you mean is_live?',
        type: 'value_error',
      },
      {
        loc: ['body', 'session', 'more', 'a'],
        msg: 'is not a member of more; it takes none',
        type: 'value_error',
      },
    ])
  })

  test('are left to the schema where the value is no object', () => {
    for (const value of [null, [], [{ a: 1 }], 'a', 1, { session: [1], map: null }])
      expect(found(value)).toEqual([])
  })
})

describe('of what proxies and platforms ask for', () => {
  const STARTED = {
    container_id: 'x',
    engine: { host: 'localhost', port: 19_000, name: 'new' },
    stream: { key_type: 'infohash', key: 'abc', title: 'new' },
    session: { playback_session_id: 's1', stat_url: '', command_url: '', is_live: 1, codec: 'new' },
    labels: { stream_id: 'abc|s1' },
    proxy: { version: 9 },
  }

  /** Names that every object inherits, so that `in` finds them everywhere. */
  const INHERITED = ['toString', 'constructor', 'hasOwnProperty', '__proto__']

  /** The JSON of a report with one more member, also in its members. */
  const withMember = (report: object, name: string): string =>
    JSON.stringify(report).replaceAll('{', `{"${name}":"1",`)

  test.each([
    ['POST', '/provision/acestream?v=2', { priority: 1 }],
    ['POST', '/events/stream_started?v=2', STARTED],
    ['POST', '/events/stream_ended?v=2', { stream_id: 'abc|s1', bytes: 5 }],
    ['GET', '/engines?statu=all', null],
    ['GET', '/streams?status=started&page=1', null],
    ['GET', '/orchestrator/status?_=17', null],
    ['GET', '/healthz?x=1', null],
    ['GET', '/readyz?x=1', null],
    ['GET', '/metrics?name%5B%5D=up', null],
    ['HEAD', '/readyz?x=1', null],
    ...INHERITED.flatMap((name): [string, string, unknown][] => [
      ['POST', `/provision/acestream?${name}=1`, `{"${name}":1}`],
      ['POST', `/events/stream_started?${name}=1`, withMember(STARTED, name)],
      ['POST', `/events/stream_ended?${name}=1`, withMember({ stream_id: 'abc|s1' }, name)],
      ['GET', `/engines?${name}=1`, null],
      ['GET', `/streams?status=started&${name}=1`, null],
      ['GET', `/orchestrator/status?${name}=1`, null],
      ['GET', `/healthz?${name}=1`, null],
      ['GET', `/readyz?${name}=1`, null],
      ['GET', `/metrics?${name}=1`, null],
    ]),
    ['GET', '/panel?v=3', null],
    ['GET', '/panel/?v=3', null],
    ['GET', '/swagger?v=3', null],
    ['GET', '/swagger/json?v=3', null],
  ])('%s %s takes names that it does not know', async (method, path, body) => {
    expect((await ask(method, path, body ?? undefined)).status).toBe(200)
  })
})

test('headers may have any name', async () => {
  const own = await new Rig().start()
  for (const name of ['constructor', '__proto__', 'toString', 'x-new']) {
    const headers = { [name]: 'x', 'idempotency-key': name }
    const answer = await own.during(own.request('POST', '/provision/acestream', {}, { headers }))
    expect([name, answer.status]).toEqual([name, 200])
  }
  await own.dispose()
})

test('the last value of a parameter counts where proxies give it several times', async () => {
  const all = await (await ask('GET', '/engines?status=all')).text()
  expect(await (await ask('GET', '/engines?status=x&status=all')).text()).toBe(all)
  expect((await ask('GET', '/engines?status=all&status=x')).status).toBe(422)
  for (const path of ['/streams?status=ended&status=started', '/healthz?a=1&a=2', '/metrics?a=1&a=2'])
    expect((await ask('GET', path)).status).toBe(200)
})

test('every operation is one or the other', async () => {
  const strict: string[] = []
  for (const { method, path } of operationsOf(document)) {
    const answer = await ask(method, `${path.replaceAll(/\{\w+\}/g, '3')}?no_such_name=1`)
    if (answer.status === 422 && (await answer.text()).includes('query.no_such_name'))
      strict.push(`${method} ${path}`)
  }
  const all = operationsOf(document).map(({ method, path }) => `${method} ${path}`)
  expect(all.filter((each) => !strict.includes(each)).toSorted()).toEqual([...TOLERANT].toSorted())
})
