import { afterEach, describe, expect, test } from 'bun:test'
import { shortcutsOf } from '../../../src/http/shortcuts.ts'
import { Rig } from '../../support/rig.ts'

const ID = 'a1'.repeat(32)
const PATHS = ['/engines', '/streams', '/orchestrator/status', '/vpn/status', '/health/status', '/metrics']

/** What was asked of the handlers and of the router, in turn. */
const asked: string[] = []
afterEach(() => {
  asked.length = 0
})

const routes = PATHS.map((path) => ({
  method: 'GET',
  path,
  handler: ({ query }: { query: object }) => {
    asked.push(`${path} ${JSON.stringify(query)}`)
    return new Response(null)
  },
}))

const ask = shortcutsOf(routes, () => {
  asked.push('router')
  return new Response(null)
})
const request = (target: string, method = 'GET') => new Request(`http://h:8000${target}`, { method })

describe('a read that is repeated', () => {
  test.each([
    ['/engines', '/engines {}'],
    ['/metrics', '/metrics {}'],
    ['/orchestrator/status', '/orchestrator/status {}'],
    ['/vpn/status', '/vpn/status {}'],
    ['/health/status', '/health/status {}'],
    ['/streams?status=started', '/streams {"status":"started"}'],
    [`/streams?container_id=${ID}&status=started`, `/streams {"container_id":"${ID}","status":"started"}`],
  ])('is answered without the router: %s', (target, handler) => {
    void ask(request(target))
    expect(asked).toEqual([handler])
  })

  test.each([
    ['/engines?status=all', 'GET'],
    ['/engines?', 'GET'],
    ['/engines/', 'GET'],
    ['/engine%73', 'GET'],
    ['/engines', 'HEAD'],
    ['/engines', 'OPTIONS'],
    ['/engines', 'POST'],
    ['/streams', 'GET'],
    [`/streams?container_id=${ID}&status=ended`, 'GET'],
    [`/streams?container_id=${ID}&status=started&limit=1`, 'GET'],
    [`/streams?container_id=${ID.slice(1)}&status=started`, 'GET'],
    [`/streams?container_id=${ID}%30&status=started`, 'GET'],
  ])('is left to the router where it is spelt otherwise: %s %s', (target, method) => {
    void ask(request(target, method))
    expect(asked).toEqual(['router'])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('unreadable')
      },
    ],
    ['rejects', () => Promise.reject(new Error('unreadable'))],
  ])('is left to the router when its handler %s', async (_, handler) => {
    const failing = routes.map((route) => ({ ...route, handler }))
    const answer = await shortcutsOf(failing, () => new Response(null, { status: 503 }))(request('/engines'))
    expect(answer.status).toBe(503)
  })
})

test('a route that is missing is an error at the start', () => {
  expect(() => shortcutsOf(routes.slice(1), ask)).toThrow('no route GET /engines')
})

describe('with and without the router', () => {
  let rig: Rig
  afterEach(() => rig.dispose())

  test.each([...PATHS.filter((path) => path !== '/streams'), '/streams?status=started'])(
    'the answer is the same: %s',
    async (target) => {
      rig = await new Rig().start()
      const [short, routed] = [
        await rig.request('GET', target),
        await rig.request('GET', `${target}${target.includes('?') ? '&' : '?'}`),
      ]
      expect(short.status).toBe(routed.status)
      expect(await short.text()).toBe(await routed.text())
      expect(headersOf(short)).toEqual(headersOf(routed))
    },
  )
})

const headersOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name !== 'x-request-id'))
