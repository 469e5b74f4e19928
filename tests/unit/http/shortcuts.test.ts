import { afterEach, describe, expect, test } from 'bun:test'
import type { Caller } from '../../../src/http/callers.ts'
import { type Shortcuts, shortcutsOf } from '../../../src/http/shortcuts.ts'
import type { StreamQuery } from '../../../src/http/streams.ts'
import { Rig } from '../../support/rig.ts'

const CALLER: Caller = { requestId: 'r1', address: null, agent: 'Go-http-client/1.1', isForwarded: false }
const CONTAINER = 'a1'.repeat(32)
const SERVICE = 'k3'.repeat(12).padEnd(25, 'z')

/** Queries that answer with their own names and with what they were asked. */
const echo = (what: string, ...asked: unknown[]): Blob =>
  new Blob([[what, ...asked.map((each) => JSON.stringify(each))].join(' ')])
const queries = {
  engines: { listedJson: ({ agent }: Caller) => echo('engines', agent) },
  streams: {
    list: (query: StreamQuery, { agent }: Caller) => ({ json: echo('streams', query, agent), next: null }),
  },
  status: {
    orchestrator: ({ agent }: Caller) => echo('status', agent),
    vpn: () => echo('vpn'),
    health: () => echo('health'),
    metrics: () => Promise.resolve(echo('metrics')),
  },
}

const shortcuts = shortcutsOf(queries, () => CALLER)
const request = (target: string, method = 'GET') => new Request(`http://h:8000${target}`, { method })
const textOf = async (ask: Shortcuts, target: string) => (await ask(request(target), 'r1'))?.text()

describe('a read that is repeated', () => {
  test.each([
    ['/engines', 'engines "Go-http-client/1.1"'],
    ['/metrics', 'metrics'],
    ['/orchestrator/status', 'status "Go-http-client/1.1"'],
    ['/vpn/status', 'vpn'],
    ['/health/status', 'health'],
    ['/streams?status=started', 'streams {"status":"started"} "Go-http-client/1.1"'],
    ...[CONTAINER, SERVICE].map((id) => [
      `/streams?container_id=${id}&status=started`,
      `streams {"status":"started","containerId":"${id}"} "Go-http-client/1.1"`,
    ]),
  ])('is answered without the router: %s', async (target, text) => {
    expect(await textOf(shortcuts, target ?? '')).toBe(text ?? '')
  })

  test('has the id of its own request', async () => {
    const answers = ['r1', 'r2'].map((id) => shortcuts(request('/engines'), id))
    const ids = await Promise.all(answers.map(async (answer) => (await answer)?.headers.get('x-request-id')))
    expect(ids).toEqual(['r1', 'r2'])
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
    [`/streams?container_id=${CONTAINER}&status=ended`, 'GET'],
    [`/streams?container_id=${CONTAINER}&status=started&limit=1`, 'GET'],
    [`/streams?container_id=${CONTAINER.slice(1)}&status=started`, 'GET'],
    [`/streams?container_id=${CONTAINER}%30&status=started`, 'GET'],
  ])('is left to the router where it is spelt otherwise: %s %s', (target, method) => {
    expect(shortcuts(request(target, method), 'r1')).toBeNull()
  })

  const unreadable = new Error('unreadable')
  test.each<[string, () => Promise<Blob>]>([
    [
      'throws',
      () => {
        throw unreadable
      },
    ],
    ['rejects', () => Promise.reject(unreadable)],
  ])('is left to the router when what it asks %s', async (_, metrics) => {
    const failing = shortcutsOf({ ...queries, status: { ...queries.status, metrics } }, () => CALLER)
    expect(await failing(request('/metrics'), 'r1')).toBeNull()
  })
})

describe('with and without the router', () => {
  let rig: Rig
  afterEach(() => rig.dispose())

  test.each([
    ...['/engines', '/orchestrator/status', '/vpn/status', '/health/status', '/metrics'],
    ...['/streams?status=started', `/streams?container_id=${CONTAINER}&status=started`],
  ])('the answer is the same: %s', async (target) => {
    rig = await new Rig().start()
    const [short, routed] = [
      await rig.request('GET', target),
      await rig.request('GET', `${target}${target.includes('?') ? '&' : '?'}`),
    ]
    expect(short.status).toBe(routed.status)
    expect(await short.text()).toBe(await routed.text())
    expect(headersOf(short)).toEqual(headersOf(routed))
  })
})

const headersOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name !== 'x-request-id'))
