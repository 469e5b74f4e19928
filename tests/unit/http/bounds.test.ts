import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Rig } from '../../support/rig.ts'

interface Refusal {
  readonly detail: readonly { readonly loc: readonly string[]; readonly msg: string }[]
}

let rig: Rig
beforeEach(async () => {
  rig = await new Rig().start()
})
afterEach(() => rig.dispose())

const long = (length: number): string => 'x'.repeat(length)
const map = (entries: number, value = 'v'): Record<string, string> =>
  Object.fromEntries(Array.from({ length: entries }, (_, index) => [`key${index}`, value]))

/** The event of a start, changed at one path. */
function started(path: string, value: unknown): Record<string, Record<string, unknown>> {
  const url = 'http://localhost:19000/ace'
  const event = {
    engine: { host: 'localhost', port: 19_000 },
    stream: { key_type: 'url', key: 'key' },
    session: {
      playback_session_id: 's',
      stat_url: `${url}/stat/a/s`,
      command_url: `${url}/cmd/a/s`,
      is_live: 1,
    },
  }
  const [group = '', member] = path.split('.')
  const groups: Record<string, Record<string, unknown>> = event
  if (member === undefined) return { ...groups, [group]: value as Record<string, unknown> }
  return { ...groups, [group]: { ...groups[group], [member]: value } }
}

async function refused(method: string, path: string, body?: unknown): Promise<Refusal['detail']> {
  const response = await rig.during(rig.request(method, path, body))
  expect([path.slice(0, 100), response.status]).toEqual([path.slice(0, 100), 422])
  return ((await response.json()) as Refusal).detail
}
const named = (detail: Refusal['detail']): string[] => detail.map(({ loc }) => loc.join('.'))

describe('a text has a length', () => {
  test.each([
    ['container_id', 255],
    ['engine.host', 255],
    ['stream.key', 2_048],
    ['session.playback_session_id', 255],
    ['session.stat_url', 2_048],
    ['session.command_url', 2_048],
    ['labels.stream_id', 2_304],
    ['labels.other', 2_304],
  ])('%s of an event has %d characters at most', async (path, most) => {
    const taken = await rig.request('POST', '/events/stream_started', started(path, long(most)))
    expect(taken.status).toBe(200)
    const detail = await refused('POST', '/events/stream_started', started(path, long(most + 1)))
    expect(named(detail)).toEqual([`body.${path}`])
    expect(detail[0]?.msg).toContain(`${most} characters`)
  })

  test.each([
    ['stream_id', 2_304],
    ['reason', 255],
    ['container_id', 255],
  ])('%s of an end has %d characters at most', async (member, most) => {
    const taken = await rig.request('POST', '/events/stream_ended', { [member]: long(most) })
    expect(taken.status).toBe(200)
    const detail = await refused('POST', '/events/stream_ended', { [member]: long(most + 1) })
    expect(named(detail)).toEqual([`body.${member}`])
    expect(detail[0]?.msg).toContain(`${most} characters`)
  })

  test.each([
    [`/streams/${long(2_305)}`, 'params.id'],
    [`/streams/${long(2_305)}/stats`, 'params.id'],
    [`/streams?container_id=${long(256)}`, 'query.container_id'],
    [`/streams?before=2026-01-01T00:00:00.${long(60)}`, 'query.before'],
    [`/streams/a/stats?since=${long(65)}`, 'query.since'],
    [`/engines/${long(256)}`, 'params.id'],
    [`/containers/${long(256)}`, 'params.id'],
    [`/by-label?key=${long(256)}&value=a`, 'query.key'],
    [`/by-label?key=a&value=${long(4_097)}`, 'query.value'],
    [`/events?engine=${long(256)}`, 'query.engine'],
    [`/events?stream=${long(2_305)}`, 'query.stream'],
    [`/events?since=${long(65)}`, 'query.since'],
    [`/events?cursor=${'1'.repeat(16)}`, 'query.cursor'],
    [`/events/stream?last_event_id=${'1'.repeat(16)}`, 'query.last_event_id'],
  ])('GET %p names %s', async (path, field) => {
    const detail = await refused('GET', path)
    expect(named(detail)).toEqual([field])
    expect(JSON.stringify(detail).length).toBeLessThan(300)
  })

  test('the id of a stream of the longest key and session is taken everywhere', async () => {
    const event = started('stream.key', long(2_048))
    event.session = { ...event.session, playback_session_id: long(255) }
    const { id } = await rig.json<{ id: string }>('POST', '/events/stream_started', event)
    expect(id).toHaveLength(2_304)
    expect((await rig.request('GET', `/streams/${encodeURIComponent(id)}`)).status).toBe(200)
    const ended = await rig.json<{ updated: boolean }>('POST', '/events/stream_ended', { stream_id: id })
    expect(ended.updated).toBe(true)
  })
})

describe('labels and environment', () => {
  const PATHS = ['/provision/acestream', '/provision']

  test.each(
    PATHS.flatMap((path) => [
      [path, 'labels'],
      [path, 'env'],
    ]),
  )('POST %s bounds the number, the names, the texts and the sum of %s', async (path, member) => {
    const at = `body.${member}`
    for (const [value, fields, words] of [
      [map(65), [at], '64 entries'],
      [{ [long(256)]: 'v' }, [`${at}.${long(100)}…`], '1 to 255 characters'],
      [{ '': 'v' }, [`${at}.`], 'its name'],
      [{ a: long(4_097), b: 'b', c: 5 }, [`${at}.a`, `${at}.c`], '4096 characters'],
      [map(10, long(1_000)), [at], '8192 characters'],
      ['text', [at], 'an object'],
      [[], [at], 'an object'],
    ] as const) {
      const detail = await refused('POST', path, { [member]: value })
      expect(named(detail)).toEqual([...fields])
      expect(detail[0]?.msg).toContain(words)
    }
    expect(rig.runtime.containers()).toEqual([])
    const most = { ...map(62), ...map(1, long(4_096)), [long(255)]: 'one\ttwo\nthree' }
    expect((await rig.during(rig.request('POST', path, { [member]: most }))).status).toBe(200)
  })

  test('a map with very many faults names the first ten', async () => {
    const detail = await refused('POST', '/provision', {
      env: Object.fromEntries(
        Array(900)
          .fill(0)
          .map((_, n) => [n, n]),
      ),
    })
    expect(detail).toHaveLength(10)
  })
})

describe('what texts are made of', () => {
  const NUL = 'a\0b'
  const HALF = 'a\ud800b'
  const CONTROL = 'a\nb'

  test.each([
    ['container_id', [NUL, HALF, CONTROL]],
    ['engine.host', [NUL, HALF, CONTROL, '']],
    ['stream.key', [NUL, HALF, CONTROL, '']],
    ['session.playback_session_id', [NUL, HALF, CONTROL]],
    ['session.stat_url', [NUL, HALF, CONTROL]],
    ['session.command_url', [NUL, HALF, CONTROL]],
    ['labels.stream_id', [NUL, HALF, CONTROL]],
  ])('%s of an event is refused where it is %p', async (path, values) => {
    for (const value of values)
      expect(named(await refused('POST', '/events/stream_started', started(path, value)))).toEqual([
        `body.${path}`,
      ])
    expect(await rig.json<unknown[]>('GET', '/streams')).toEqual([])
  })

  test.each([
    ['/provision/acestream', { labels: { [NUL]: 'x' } }, `body.labels.${NUL}`],
    ['/provision/acestream', { labels: { [HALF]: 'x' } }, `body.labels.${HALF}`],
    ['/provision/acestream', { labels: { [CONTROL]: 'x' } }, `body.labels.${CONTROL}`],
    ['/provision/acestream', { labels: { a: NUL } }, 'body.labels.a'],
    ['/provision/acestream', { env: { a: HALF } }, 'body.env.a'],
    ['/provision', { env: { [CONTROL]: 'x' } }, `body.env.${CONTROL}`],
    ['/provision', { env: { a: NUL } }, 'body.env.a'],
    ['/provision', { image: CONTROL }, 'body.image'],
    ['/events/stream_ended', { stream_id: NUL }, 'body.stream_id'],
    ['/events/stream_ended', { stream_id: 'a', reason: HALF }, 'body.reason'],
  ])('POST %s %p names the field', async (path, body, field) => {
    expect(named(await refused('POST', path, body))).toEqual([field])
    expect(rig.runtime.containers()).toEqual([])
  })

  test.each([
    ['/streams/a%00b', 'params.id'],
    ['/streams/a%0Ab', 'params.id'],
    ['/engines/a%00', 'params.id'],
    ['/containers/%7F', 'params.id'],
    ['/events?stream=a%00', 'query.stream'],
    ['/by-label?key=&value=', 'query.key'],
    ['/by-label?key=a&value=%00', 'query.value'],
  ])('GET %s names %s', async (path, field) => {
    expect(named(await refused('GET', path))).toEqual([field])
  })

  test('every other character is taken, and given back as it came', async () => {
    const key = 'magnet:?xt=a&dn=Канал 5 — 日本 👨‍👩‍👧'
    const { id } = await rig.json<{ id: string }>(
      'POST',
      '/events/stream_started',
      started('stream.key', key),
    )
    expect(await rig.json<object>('GET', `/streams/${encodeURIComponent(id)}`)).toMatchObject({ key })
  })
})
