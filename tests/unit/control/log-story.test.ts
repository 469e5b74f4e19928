import { afterEach, beforeEach, expect, test } from 'bun:test'
import { newestStream } from '../../../src/store/streams.ts'
import { Rig } from '../../support/rig.ts'

/* What the log tells of streams, of callers and of their orders. */

const PORT = 19_000

let rig: Rig

beforeEach(async () => {
  rig = await new Rig({ MIN_REPLICAS: '0', AUTO_DELETE: 'false' }).start()
  Object.assign(rig.orchestrator.app, { server: { requestIP: () => ({ address: '192.168.1.7' }) } })
})
afterEach(() => rig.dispose())

const lines = (part: string): readonly string[] => rig.logged.filter((line) => line.includes(part))

const AS_ACEXY = {
  headers: { 'user-agent': 'acexy', 'x-request-id': 'a-1', 'content-type': 'application/json' },
}

/** The report of a stream on an engine that is none of ours. */
const farOff = (id: string) => ({
  engine: { host: 'elsewhere', port: 1 },
  stream: { key_type: 'infohash', key: 'f'.repeat(50) },
  session: { playback_session_id: 's', stat_url: 'http://a/s', command_url: 'http://a/c', is_live: 1 },
  labels: { stream_id: id },
})

const end = (id: string, reason: string) =>
  rig.json('POST', '/events/stream_ended', { stream_id: id, reason }, AS_ACEXY)

test('a stream is one line at its start and one at its end: engine, how long, why and by whom', async () => {
  await rig.provision()
  await rig.play(PORT, 'one')
  await rig.play(PORT, 'one')
  expect(lines('stream started')).toEqual([
    expect.stringMatching(
      /^stream started on acestream-1 \{"name":"acestream-1","stream":"key","from":"192.168.1.7","request":".+"\}$/,
    ),
  ])
  await rig.clock.advance(3_725_000)
  await end('one', 'completed')
  await end('one', 'completed')
  const fields =
    '{"name":"acestream-1","stream":"key","seconds":3725,"from":"192.168.1.7","agent":"acexy","request":"a-1"}'
  expect(lines('stream ended')).toEqual([
    `stream ended on acestream-1 after 1 h 2 min: it was over (completed) ${fields}`,
  ])
})

test('streams that are reported at once are told with the caller of each', async () => {
  await rig.provision()
  const by = (request: string) => ({
    headers: { 'user-agent': request, 'x-request-id': request, 'content-type': 'application/json' },
  })
  await rig.play(PORT, 'old')
  const reports = ['one', 'two'].map((id) => rig.json('POST', '/events/stream_started', farOff(id), by(id)))
  const ended = rig.json('POST', '/events/stream_ended', { stream_id: 'old', reason: 'eof' }, by('three'))
  await Promise.all([...reports, ended])
  const callers = lines('stream ').map(
    (line) => /^stream (started|ended).*"request":"(\w+)"\}$/.exec(line)?.[2],
  )
  expect(callers.slice(1)).toEqual(['one', 'two', 'three'])
})

test('a stream that its engine lost ends with that reason, and nobody is named', async () => {
  await rig.provision()
  await rig.play(PORT, 'one')
  const stream = newestStream(rig.temp.store.db, 'one')
  await rig.request('DELETE', `/containers/${stream?.containerId}`)
  await rig.clock.advance(1_000)
  expect(lines('stream ended')).toEqual([
    'stream ended on acestream-1 after 0 s: somebody deleted its engine (engine_deleted) {"name":"acestream-1","stream":"key","seconds":0}',
  ])
})

test('a long key and a long reason are shortened', async () => {
  await rig.json('POST', '/events/stream_started', farOff('far'))
  expect(lines('stream started')).toEqual([
    expect.stringMatching(/^stream started on no engine of ours .*"f{40}…"/),
  ])
  await end('far', 'r'.repeat(200))
  expect(lines('stream ended')).toEqual([expect.stringMatching(/: r{100}… \{/)])
})

test('an engine for a caller is told with its name and the caller', async () => {
  await rig.provision(AS_ACEXY)
  const by = '"from":"192.168.1.7","agent":"acexy","request":"a-1"}'
  expect(lines('for a caller')).toEqual([
    `acestream-1 is being started for a caller {"name":"acestream-1",${by}`,
  ])
})

test('a container that is no engine is told as an order only', async () => {
  await rig.json('POST', '/provision', { image: 'engine:1', name_prefix: 'tool' }, AS_ACEXY)
  expect(lines('for a caller')).toEqual([])
  expect(lines('POST /provision: ')).toHaveLength(1)
})

test('every order is a line with its caller: removal, scale and its undoing, drain, full pass, reset, stop', async () => {
  await rig.provision()
  await rig.play(PORT, 'one')
  const orders = [
    ['DELETE', '/streams/one', 200],
    ['POST', '/scale/1', 200],
    ['DELETE', '/scale', 200],
    ['POST', '/gc', 200],
    ['POST', '/health/circuit-breaker/reset', 200],
    ['POST', '/engines/acestream-1/drain', 200],
    ['DELETE', '/containers/acestream-1', 200],
    ['DELETE', '/containers/unknown', 404],
  ] as const
  for (const [method, path, status] of orders) {
    const answer = await rig.during(
      rig.request(method, path, undefined, { headers: { 'user-agent': 'curl/8' } }),
    )
    expect(answer.status).toBe(status)
    const line = lines(`${method} ${path}: ${status} `)
    expect(line).toEqual([
      expect.stringMatching(/"status":\d+,"ms":\d+,"from":"192.168.1.7","agent":"curl\/8","request":".+"/),
    ])
  }
  expect(lines('1 engine is kept from now on')).toHaveLength(1)
  expect(lines('MIN_REPLICAS=0 holds again: an operator undid the order')).toHaveLength(1)
  expect(lines('acestream-1 is drained: an operator drains it')).toHaveLength(1)
  expect(lines('acestream-1 is removed: an operator asked for it')).toHaveLength(1)
})

test('reads, events and invalid requests are no lines at info', async () => {
  await rig.provision()
  await rig.clock.advance(5_000)
  rig.logged.length = 0
  for (const path of ['/engines', '/streams?status=started', '/orchestrator/status', '/nothing'])
    await rig.request('GET', path)
  await rig.request('POST', '/scale/many')
  await rig.request('PUT', '/engines')
  await rig.json('POST', '/events/stream_ended', { stream_id: 'unknown' })
  expect(rig.logged).toEqual([])
})

test('streams at any rate make a bounded number of lines', async () => {
  await rig.provision()
  for (let n = 0; n < 700; n++) await rig.play(PORT, `stream ${n}`)
  expect(lines('stream started').length).toBeLessThanOrEqual(600)
  expect(lines('too much happens for the log')).toHaveLength(1)
  await rig.clock.advance(61_000)
  await rig.play(PORT, 'later')
  expect(lines('stream started').length).toBeGreaterThan(400)
  expect(rig.logged.slice(-3).join()).toContain('stream started')
}, 30_000)
