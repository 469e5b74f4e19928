import { afterEach, describe, expect, test } from 'bun:test'
import { figuresOf } from '../../../src/workers/health/session-figures.ts'
import { stopSession } from '../../../src/workers/health/session-stop.ts'
import { TestEngine } from '../../emulators/engine/testing/harness.ts'
import { figures } from '../../support/builders.ts'
import { freePort } from '../../support/ports.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

const PATH = '/ace/cmd/abc/session'

/** Acts as an engine. Returns its address and its requests. */
function engine(answer: () => Response | Promise<Response>) {
  const asked: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url, method }) => {
      const { pathname, search } = new URL(url)
      asked.push(`${method} ${pathname}${search}`)
      return answer()
    },
  })
  cleanUps.push(() => server.stop(true))
  return { asked, address: { host: '127.0.0.1', port: server.port ?? 0 } }
}

describe('the stop of a session', () => {
  test('ends it at an engine, which does not know it a second time', async () => {
    await using emulated = await TestEngine.start()
    const { stat_url, command_url } = await emulated.open()
    const address = { host: '127.0.0.1', port: emulated.ports.http }
    const path = new URL(command_url).pathname
    expect(await stopSession([address], path, 1_000)).toBe('stopped')
    expect(await emulated.json<object>(stat_url)).toMatchObject({ error: 'unknown playback session id' })
    expect(await stopSession([address], path, 1_000)).toBe('unknown')
  })

  test('is asked for at every address, once, and one that stopped it is enough', async () => {
    const ok = engine(() => Response.json({ response: 'ok', error: null }))
    const second = engine(() => Response.json({ response: null, error: 'unknown playback session id' }))
    expect(await stopSession([second.address, ok.address], PATH, 1_000)).toBe('stopped')
    for (const { asked } of [ok, second]) expect(asked).toEqual([`GET ${PATH}?method=stop`])
  })

  test.each([
    ['another error', () => Response.json({ response: null, error: 'failed' })],
    ['an ok with an error', () => Response.json({ response: 'ok', error: 'failed' })],
    ['another status', () => Response.json({ response: 'ok', error: null }, { status: 500 })],
    ['a redirection', () => Response.redirect('http://127.0.0.1:9/elsewhere')],
    ['what is no JSON', () => new Response('ok')],
    ['JSON of another kind', () => Response.json('ok')],
    ['a body that is too long', () => Response.json({ response: 'ok', padding: 'x'.repeat(70_000) })],
    ['nothing at all in time', () => new Promise<Response>(() => undefined)],
  ])('is silence for %s', async (_, answer) => {
    expect(await stopSession([engine(answer).address], PATH, 200)).toBe('silent')
  })

  test('is silence where nobody listens, and without an address', async () => {
    expect(await stopSession([{ host: '127.0.0.1', port: freePort() }], PATH, 1_000)).toBe('silent')
    expect(await stopSession([], PATH, 1_000)).toBe('silent')
  })
})

describe('the figures of a session', () => {
  const livepos = {
    pos: '1764060000',
    live_first: '1764059000',
    live_last: 1_764_060_030,
    buffer_pieces: '15',
  }
  const live = { livePos: 1_764_060_000, liveFirst: 1_764_059_000, liveLast: 1_764_060_030, bufferPieces: 15 }

  test.each([
    ['both spellings: one', { speed_down: 5, speed_up: 6 }, { speedDown: 5, speedUp: 6 }],
    ['both spellings: the other', { speedDown: 5, speedUp: 6 }, { speedDown: 5, speedUp: 6 }],
    ['both at once', { speed_down: 5, speedDown: 9 }, { speedDown: 5 }],
    [
      'texts and broken numbers',
      { peers: '12', speed_down: 4.6, uploaded: '1.2' },
      { peers: 12, speedDown: 5, uploaded: 1 },
    ],
    ['the live position, of texts and numbers', { status: 'dl', livepos }, { status: 'dl', ...live }],
    ['the live position where it is none', { peers: 1, livepos: 'soon' }, { peers: 1 }],
    ['a zero, which is a figure', { downloaded: 0 }, { downloaded: 0 }],
    [
      'what is none beside what is one',
      { peers: -1, downloaded: 1e300, uploaded: 'x', status: 7, speed_up: 2 },
      { speedUp: 2 },
    ],
    ['a word that is too long for one', { status: 'x'.repeat(33), peers: 1 }, { peers: 1 }],
  ])('are read from %s', (_, response, told) => {
    expect(figuresOf(response)).toEqual(figures(told))
  })

  test.each([{}, { peers: null }, { peers: true, livepos: null }, { infohash: 'abc' }])(
    'are none in %j',
    (response) => {
      expect(figuresOf(response)).toBeNull()
    },
  )
})
