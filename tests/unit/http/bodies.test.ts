import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rawAnswer } from '../../support/raw-http.ts'
import { Rig } from '../../support/rig.ts'

/*
 * The cost of a body depends only on its size, whatever its content: limits of size, depth and width, and of the number of
 * reported errors.
 */

interface Problem {
  readonly code: string
  readonly message: string
  readonly detail: readonly { readonly loc: readonly string[]; readonly msg: string }[]
}

let rig: Rig
let port: number

beforeAll(async () => {
  rig = await new Rig().start()
  const { app } = rig.orchestrator
  app.listen({ hostname: '127.0.0.1', port: 0 })
  port = app.server?.port ?? 0
})
afterAll(async () => {
  await rig.orchestrator.app.stop(true)
  await rig.dispose()
})

const WITH_BODIES = ['/provision/acestream', '/provision', '/events/stream_started', '/events/stream_ended']

async function refusal(path: string, body: string): Promise<readonly [number, Problem]> {
  const response = await rig.request('POST', path, body)
  return [response.status, (await response.json()) as Problem]
}

const ended = async (body: string) => (await rig.request('POST', '/events/stream_ended', body)).status
const map = (size: number, member: (n: number) => string): string =>
  Array.from({ length: size }, (_, n) => member(n)).join()

describe('levels', () => {
  const nested = (open: string, close: string, levels: number): string =>
    `{"more":${open.repeat(levels - 1)}0${close.repeat(levels - 1)}}`

  test.each([
    ['lists', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('of %s are twenty at most', async (_, open, close) => {
    expect(await ended(nested(open, close, 20))).toBe(200)
    const [status, { detail }] = await refusal('/events/stream_ended', nested(open, close, 21))
    expect(status).toBe(422)
    expect(detail).toEqual([
      expect.objectContaining({ loc: ['body'], msg: 'must have at most 20 levels, one in another' }),
    ])
  })

  test.each(WITH_BODIES)('without an end are refused by POST %s', async (path) => {
    for (const body of ['['.repeat(40_000), '{"a":'.repeat(10_000), `{"labels":${'['.repeat(60_000)}`]) {
      const [status, { detail }] = await refusal(path, body)
      expect([status, detail[0]?.msg]).toEqual([422, 'must have at most 20 levels, one in another'])
    }
  })

  test('in a text are none', async () => {
    for (const text of ['['.repeat(1_000), `\\"${'{'.repeat(1_000)}`, `\\\\\\"${'['.repeat(1_000)}`])
      expect(await ended(`{"unknown":"${text}"}`)).toBe(200)
  })
})

test('members are a thousand at most, in all lists and objects together', async () => {
  expect(await ended(`{"more":[${map(1_000, () => '[0]')}]}`)).toBe(200)
  expect(await ended(`{"unknown":"${','.repeat(5_000)}"}`)).toBe(200)
  const [status, { detail }] = await refusal('/provision', `{"labels":{${map(5_000, (n) => `"${n}":1`)}}}`)
  expect([status, detail.length, detail[0]?.msg]).toEqual([422, 1, 'must have at most 1000 members in all'])
})

describe('of the fields at fault', () => {
  test.each([
    ['/provision/acestream', (n: number) => `{"labels":{${map(n, (m) => `"wrong-${m}":1`)}}}`],
    ['/provision/acestream', (n: number) => `{"labels":{${map(n, (m) => `"roundhouse.${m}":""`)}}}`],
    ['/provision', (n: number) => `{"ports":{${map(n, (m) => `"${m + 1}":0`)}}}`],
    ['/provision', (n: number) => `{"env":{${map(n, (m) => `"=${m}":""`)}}}`],
  ])('POST %s names ten, and says that there are more', async (path, bodyOf) => {
    for (const wrong of [10, 11, 60]) {
      const [status, { detail, message }] = await refusal(path, bodyOf(wrong))
      expect([status, detail.length]).toEqual([422, 10])
      expect(new Set(detail.map(({ loc }) => loc.join('.'))).size).toBe(10)
      expect(message.includes('more is wrong, and only the first are named')).toBe(wrong > 10)
    }
  })

  test('a name is as long as it is worth reading', async () => {
    for (const letter of ['x', '/', '~', '~/']) {
      const name = letter.repeat(60_000 / letter.length)
      const [status, { detail, message }] = await refusal('/provision', `{"labels":{"${name}":1}}`)
      expect([status, detail[0]?.loc]).toEqual([422, ['body', 'labels', `${name.slice(0, 100)}…`]])
      expect(message.length).toBeLessThan(500)
    }
  })
})

describe('the size of a body', () => {
  const sized = (bytes: number): string => `{"unknown":"${'x'.repeat(bytes - 14)}"}`

  test('is 64 kB at most, counted in bytes', async () => {
    expect(sized(65_536).length).toBe(65_536)
    expect(await ended(sized(65_536))).toBe(200)
    expect(await refusal('/events/stream_ended', sized(65_537))).toMatchObject([413, { code: 'too_large' }])
    expect((await refusal('/events/stream_ended', `{"reason":"${'é'.repeat(40_000)}"}`))[0]).toBe(413)
  })

  const HEAD = 'POST /events/stream_ended HTTP/1.1\r\nHost: localhost\r\n'
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

  test('holds for one that comes in chunks, without a length', async () => {
    const head = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`
    const small = await rawAnswer(port, head, chunk('{"stream'), chunk('_id":"x"}'), chunk(''))
    expect([small.status, small.json]).toEqual([200, { updated: false, stream: null }])
    const large = await rawAnswer(port, head, ...Array<string>(20).fill(chunk('x'.repeat(5_000))), chunk(''))
    expect([large.status, large.json.code]).toEqual([413, 'too_large'])
  })

  test('is refused before it comes, where it is told', async () => {
    const answer = await rawAnswer(port, `${HEAD}Content-Length: 65537\r\n\r\n`)
    expect([answer.status, answer.json.code]).toEqual([413, 'too_large'])
  })

  test('has an end for the server, too, which hangs up', async () => {
    const told = await rawAnswer(port, `${HEAD}Content-Length: 99999999\r\n\r\n`)
    expect(told.status).toBe(413)
    const head = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`
    const untold = await rawAnswer(port, head, ...Array<string>(200).fill(chunk('x'.repeat(5_000))))
    expect(untold.status).toBe(413)
  })

  test('that is told wrong belongs to no other request, and is no defect of ours', async () => {
    for (const lengths of [
      'Content-Length: -1',
      'Content-Length: 5\r\nContent-Length: 6',
      'Content-Length: 0x5',
    ])
      expect((await rawAnswer(port, `${HEAD}${lengths}\r\n\r\nhello`)).status).toBe(400)
    const logged = rig.logged.length
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
    socket.write(`${HEAD}Content-Length: 50\r\n\r\n{"stream_id"`)
    socket.flush()
    await new Promise(setImmediate)
    socket.terminate()
    // The connection is closed before this answer.
    expect((await rawAnswer(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')).status).toBe(200)
    expect(rig.logged.slice(logged)).toEqual([])
  })
})
