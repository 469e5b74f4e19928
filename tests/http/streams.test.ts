import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Rig } from '../support/rig.ts'

interface StreamState {
  readonly id: string
  readonly container_id: string | null
  readonly status: string
  readonly end_reason: string | null
  readonly started_at: string
  readonly ended_at: string | null
  readonly is_live: boolean
}

let rig: Rig
let engine: { container_id: string; host_http_port: number }
beforeEach(async () => {
  rig = await new Rig().start()
  engine = (await (await rig.provision()).json()) as typeof engine
})
afterEach(() => rig.dispose())

const started = (change: Record<string, unknown> = {}, session: Record<string, unknown> = {}) =>
  rig.json<StreamState>('POST', '/events/stream_started', {
    engine: { host: 'localhost', port: engine.host_http_port },
    stream: { key_type: 'infohash', key: 'abc' },
    session: {
      playback_session_id: 'session',
      stat_url: `http://127.0.0.1:${engine.host_http_port}/ace/stat/abc/session`,
      command_url: `http://127.0.0.1:${engine.host_http_port}/ace/cmd/abc/session`,
      is_live: 1,
      ...session,
    },
    ...change,
  })
const ended = (body: unknown) =>
  rig.json<{ updated: boolean; stream: StreamState | null }>('POST', '/events/stream_ended', body)
const active = () =>
  rig.json<StreamState[]>('GET', `/streams?container_id=${engine.container_id}&status=started`)
const capacity = async () => {
  const status = await rig.json<{ streams: { active: number; total: number }; capacity: { used: number } }>(
    'GET',
    '/orchestrator/status',
  )
  return { ...status.streams, used: status.capacity.used }
}

describe('stream_started', () => {
  test('is in the books of its engine at once', async () => {
    expect(await started()).toMatchObject({ id: 'abc|session', status: 'started', is_live: true })
    expect(await active()).toMatchObject([{ id: 'abc|session', container_id: engine.container_id }])
    const [listed] = await rig.json<{ streams: string[]; last_stream_usage: string }[]>('GET', '/engines')
    expect(listed?.streams).toEqual(['abc|session'])
    expect(listed?.last_stream_usage).not.toBeNull()
    const one = await rig.json<object>('GET', `/engines/${engine.container_id}`)
    expect(one).toMatchObject({
      engine: { container_id: engine.container_id },
      streams: [{ id: 'abc|session' }],
    })
  })

  test('takes the id of its label, else key and session', async () => {
    expect((await started({ labels: { stream_id: 'mine' } })).id).toBe('mine')
    expect((await started({ labels: { stream_id: '' } })).id).toBe('abc|session')
  })

  test('repeated changes nothing', async () => {
    const first = await started()
    await rig.clock.advance(5_000)
    expect(await started()).toEqual(first)
    expect(await active()).toHaveLength(1)
  })

  test('of an id that has ended opens a new record', async () => {
    await started()
    await ended({ stream_id: 'abc|session', reason: 'eof' })
    await rig.clock.advance(5_000)
    await started()
    const all = await rig.json<StreamState[]>('GET', '/streams')
    expect(all.map(({ status, end_reason }) => [status, end_reason])).toEqual([
      ['ended', 'eof'],
      ['started', null],
    ])
  })

  test('without a match makes no engine and uses no capacity', async () => {
    const urls = {
      stat_url: 'http://10.9.9.9:6878/ace/stat/a/b',
      command_url: 'http://10.9.9.9:6878/ace/cmd/a/b',
    }
    const stream = await started({ engine: { host: '10.9.9.9', port: 6878 } }, urls)
    expect(stream.container_id).toBeNull()
    expect(await rig.json<object[]>('GET', '/engines?status=all')).toHaveLength(1)
    expect(await capacity()).toEqual({ active: 1, total: 1, used: 0 })
  })

  test.each<Record<string, string>>([
    { playback_session_id: 'fetch_failed', stat_url: '', command_url: '' },
    { stat_url: '' },
    { command_url: '' },
  ])('of a failed attempt %p is never active', async (session) => {
    expect(await started({}, session)).toMatchObject({ status: 'ended', end_reason: 'fetch_failed' })
    expect(await active()).toEqual([])
    expect(await capacity()).toEqual({ active: 0, total: 1, used: 0 })
  })

  test('accepts an is_live of 0 and a key that is a URL', async () => {
    const stream = { key_type: 'url', key: 'http://example.org/a.acelive?x=1|2' }
    const { id, is_live } = await started({ stream }, { is_live: 0 })
    expect(is_live).toBe(false)
    const stats = await rig.request('GET', `/streams/${encodeURIComponent(id)}/stats`)
    expect([stats.status, await stats.json()]).toEqual([200, []])
  })
})

describe('stream_ended', () => {
  test('ends the stream with its reason, once', async () => {
    expect(await active()).toEqual([])
    await started()
    expect(await active()).toHaveLength(1)
    const first = await ended({ stream_id: 'abc|session', reason: 'client_disconnected' })
    expect(first).toMatchObject({
      updated: true,
      stream: { status: 'ended', end_reason: 'client_disconnected' },
    })
    expect(await ended({ stream_id: 'abc|session' })).toEqual({ updated: false, stream: null })
    expect(await active()).toEqual([])
    expect(await capacity()).toEqual({ active: 0, total: 1, used: 0 })
  })

  test.each<object>([
    {},
    { stream_id: 'unknown' },
    { stream_id: null, container_id: 'x' },
    { stream_id: '' },
  ])('of %p has no effect', async (body) => {
    await started()
    expect(await ended(body)).toEqual({ updated: false, stream: null })
    expect(await active()).toHaveLength(1)
  })
})

describe('GET /streams', () => {
  test('filters by status and engine, each alone and together', async () => {
    await started()
    await started({ labels: { stream_id: 'two' } })
    await ended({ stream_id: 'two' })
    const ids = async (query: string) =>
      (await rig.json<StreamState[]>('GET', `/streams${query}`)).map(({ id }) => id)
    expect(await ids('')).toEqual(['abc|session', 'two'])
    expect(await ids('?status=started')).toEqual(['abc|session'])
    expect(await ids('?status=ended')).toEqual(['two'])
    expect(await ids(`?container_id=${engine.container_id}`)).toEqual(['abc|session', 'two'])
    expect(await ids(`?container_id=${engine.container_id}&status=ended`)).toEqual(['two'])
    expect(await ids('?container_id=none')).toEqual([])
  })
})
