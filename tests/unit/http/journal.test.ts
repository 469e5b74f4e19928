import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Value } from '@sinclair/typebox/value'
import { JournalPage } from '../../../src/http/schemas.ts'
import { Rig } from '../../support/rig.ts'

interface Entry {
  readonly id: number
  readonly at: string
  readonly kind: string
  readonly engine_id: string | null
  readonly container_id: string | null
  readonly stream_id: string | null
}
interface Page {
  readonly events: readonly Entry[]
  readonly next: string | null
}

let rig: Rig
let engine: { container_id: string; container_name: string; host_http_port: number }
beforeEach(async () => {
  rig = await new Rig().start()
  engine = await (await rig.provision()).json().then((body) => body as typeof engine)
})
afterEach(() => rig.dispose())

const page = (query = '') => rig.json<Page>('GET', `/events${query}`)
const kinds = async (query: string) => (await page(query)).events.map(({ kind }) => kind)
const end = (id: string) => rig.json('POST', '/events/stream_ended', { stream_id: id, reason: 'eof' })

test('an entry repeats the beginning of a long key, and the books have all of it', async () => {
  const key = `magnet:?xt=urn:btih:${'a'.repeat(40)}&tr=${'語'.repeat(1_000)}`
  const session = { playback_session_id: 's', stat_url: '', command_url: '', is_live: 1 }
  const start = { engine: { host: 'h'.repeat(255), port: 1 }, stream: { key_type: 'magnet', key }, session }
  expect(await rig.json<object>('POST', '/events/stream_started', start)).toMatchObject({ key })
  const [entry] = (await page('?kind=stream')).events
  expect(entry).toMatchObject({ detail: { key: `${key.slice(0, 100)}…`, host: `${'h'.repeat(100)}…` } })
})

describe('GET /events', () => {
  test('has what happened, newest first, in its form', async () => {
    await rig.play(engine.host_http_port, 'key|session')
    const { events, next } = await page()
    expect(next).toBeNull()
    expect(events[0]).toEqual({
      id: events.length,
      at: new Date(rig.clock.now()).toISOString(),
      kind: 'stream.started',
      engine_id: '00000000-0000-4000-8000-000000000002',
      container_id: engine.container_id,
      container_name: engine.container_name,
      stream_id: 'key|session',
      detail: { key: 'key', host: 'localhost', port: engine.host_http_port },
    } as Entry)
    expect(events.at(-1)?.kind).toBe('provision.started')
    expect([...Value.Errors(JournalPage, { events, next })]).toEqual([])
  })

  test('takes a kind, or a group of kinds', async () => {
    await rig.play(engine.host_http_port, 'one')
    await end('one')
    expect(await kinds('?kind=stream')).toEqual(['stream.ended', 'stream.started'])
    expect(await kinds('?kind=stream.started')).toEqual(['stream.started'])
    expect(await kinds('?kind=provision')).toEqual(['provision.completed', 'provision.started'])
    expect(await kinds('?kind=vpn')).toEqual([])
    expect(await kinds('?kind=strea')).toEqual([])
  })

  test('takes an engine by any of its names, also when it is gone', async () => {
    const { container_id: id, container_name: name } = engine
    await (await rig.provision()).json()
    const all = (await page()).events
    const mine = all.filter(({ container_id }) => container_id === id)
    expect(mine.length).toBeGreaterThan(1)
    expect(mine.length).toBeLessThan(all.length)
    const words = [mine[0]?.engine_id, id, name]
    for (const word of words) expect((await page(`?engine=${word}`)).events).toEqual(mine)
    await rig.during(rig.request('DELETE', `/containers/${id}`))
    await rig.clock.advance(5_000)
    for (const word of words)
      expect((await kinds(`?engine=${word}`)).slice(-mine.length)).toEqual(mine.map(({ kind }) => kind))
    expect(await kinds('?engine=nobody')).toEqual([])
  })

  test('takes a stream by its id, whatever is in it', async () => {
    const id = 'http://example.org/a?x=1|session&y'
    await rig.play(engine.host_http_port, id)
    await rig.play(engine.host_http_port, 'other')
    const { events } = await page(`?stream=${encodeURIComponent(id)}`)
    expect(events.map(({ stream_id }) => stream_id)).toEqual([id])
  })

  test('takes a time in every form that the statistics take', async () => {
    await rig.clock.advance(60_000)
    const since = new Date(rig.clock.now()).toISOString()
    await rig.play(engine.host_http_port)
    for (const form of [
      since,
      since.slice(0, 19),
      since.replace('Z', '+00:00'),
      since.replace('Z', ' 00:00'),
    ])
      expect(await kinds(`?since=${form}`)).toEqual(['stream.started'])
    const later = new Date(rig.clock.now() + 1_000).toISOString()
    expect(await kinds(`?since=${later}`)).toEqual([])
    expect((await kinds('?since=2026-01-01')).length).toBeGreaterThan(1)
  })

  test('goes on page by page, and what happens meanwhile moves nothing', async () => {
    for (let n = 0; n < 7; n++) await rig.play(engine.host_http_port, `s${n}`)
    const first = await page('?kind=stream&limit=3')
    const ids = first.events.map(({ stream_id }) => stream_id)
    let { next } = first
    while (next !== null) {
      await rig.play(engine.host_http_port, `meanwhile ${next}`)
      const more: Page = await page(`?kind=stream&limit=3&cursor=${next}`)
      ids.push(...more.events.map(({ stream_id }) => stream_id))
      next = more.next
    }
    expect(ids).toEqual(['s6', 's5', 's4', 's3', 's2', 's1', 's0'])
  })

  test('says that there is no next page where the last one is full', async () => {
    for (let n = 0; n < 4; n++) await rig.play(engine.host_http_port, `s${n}`)
    const { next } = await page('?kind=stream&limit=2')
    expect((await page(`?kind=stream&limit=2&cursor=${next}`)).next).toBeNull()
    expect(await page(`?cursor=1`)).toEqual({ events: [], next: null })
  })

  test('gives 100 without a limit', async () => {
    for (let n = 0; n < 101; n++) await rig.play(engine.host_http_port, `s${n}`)
    const { events, next } = await page('?kind=stream')
    expect([events.length, next]).toEqual([100, String(events.at(-1)?.id)])
    expect((await page('?kind=stream&limit=1000')).events).toHaveLength(101)
  })

  test.each([
    ['kind', ['Stream', 'stream.', '.started', 'a.b.c', '%25', '']],
    ['engine', ['']],
    ['stream', ['']],
    ['since', ['yesterday', '2026', '', '12:00']],
    ['limit', ['0', '1001', '-1', '1.5', 'x', '']],
    ['cursor', ['x', '-1', '1.0', '1234567890123456', '']],
  ])('refuses a wrong %s by its name', async (name, values) => {
    for (const value of values) {
      const response = await rig.request('GET', `/events?${name}=${value}`)
      expect([name, value, response.status]).toEqual([name, value, 422])
      expect(await response.json()).toMatchObject({
        code: 'invalid_request',
        detail: [{ loc: ['query', name], type: 'value_error' }],
      })
    }
  })
})
