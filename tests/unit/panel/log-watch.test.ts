import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Api } from '../../../src/panel/api/api.ts'
import { KeyStore } from '../../../src/panel/state/key.ts'
import { LogWatch } from '../../../src/panel/state/log-watch.ts'
import { settled, VirtualClock } from '../../support/virtual-clock.ts'

/* How the page reads a log, follows it, loses it and goes on. */

/** A server whose answers the test writes by hand. */
class Server {
  readonly asked: { readonly query: URLSearchParams; readonly key: string | null }[] = []
  answer: () => Response = () => this.open()
  #writer: ReadableStreamDefaultController<Uint8Array> | null = null

  readonly fetch = async (url: URL, init: RequestInit): Promise<Response> => {
    this.asked.push({ query: url.searchParams, key: new Headers(init.headers).get('authorization') })
    init.signal?.addEventListener('abort', () => this.#writer?.error(init.signal?.reason))
    return this.answer()
  }

  open(): Response {
    return new Response(
      new ReadableStream<Uint8Array>({
        start: (controller) => {
          this.#writer = controller
        },
      }),
    )
  }

  write(text: string): void {
    this.#writer?.enqueue(new TextEncoder().encode(text))
  }

  end(): void {
    this.#writer?.close()
  }

  break(): void {
    this.#writer?.error(new TypeError('network error'))
  }
}

const lineAt = (second: number, text: string): string =>
  `2026-11-23T12:00:${String(second).padStart(2, '0')}.000000000Z stdout ${text}\n`
const refusal =
  (status: number, code: string, more: object = {}) =>
  (): Response =>
    Response.json({ status, code, detail: `the words of ${code}`, ...more }, { status })

let clock: VirtualClock
let server: Server
let key: KeyStore
let watch: LogWatch

beforeEach(() => {
  clock = new VirtualClock()
  server = new Server()
  key = new KeyStore({ getItem: () => null, setItem: () => undefined, removeItem: () => undefined })
  const api = new Api({ root: new URL('http://server/'), fetch: server.fetch, key: () => key.value })
  watch = new LogWatch('abc', {
    ...{ api, key },
    now: () => clock.now(),
    after: (ms, work) => clock.after(ms, work),
  })
})
afterEach(() => watch.stop())

const texts = () => watch.book.lines.value.map(({ text }) => text)
const step = () => watch.state.value.step
const queries = () => server.asked.map(({ query }) => Object.fromEntries(query))

describe('a log that is read', () => {
  test('has its last 200 lines, and is known as of a time', async () => {
    server.answer = () => new Response(lineAt(1, 'one') + lineAt(2, 'two'))
    watch.read()
    expect(step()).toBe('asking')
    await clock.advance(10)
    expect([step(), texts()]).toEqual(['read', ['one', 'two']])
    expect(queries()).toEqual([{ outputs: 'true', tail: '200' }])
  })

  test('tells why it could not be read, and asks once more only when it is told to', async () => {
    server.answer = refusal(503, 'runtime_unavailable')
    watch.read()
    await clock.advance(60_000)
    expect(watch.state.value).toEqual({ step: 'failed', why: 'the words of runtime_unavailable' })
    expect(server.asked).toHaveLength(1)
    server.answer = () => new Response(lineAt(1, 'one'))
    watch.retry()
    await clock.advance(10)
    expect(texts()).toEqual(['one'])
  })

  test('keeps what was read when its container is gone, and asks no more', async () => {
    server.answer = () => new Response(lineAt(1, 'one'))
    watch.read()
    await clock.advance(10)
    server.answer = refusal(404, 'not_found')
    watch.follow()
    await clock.advance(60_000)
    expect([step(), texts(), server.asked.length]).toEqual(['gone', ['one'], 2])
  })

  test('waits for a key, forgets a wrong one, and is read with the right one', async () => {
    server.answer = refusal(401, 'missing_token')
    watch.read()
    await clock.advance(60_000)
    expect([watch.state.value, server.asked.length]).toEqual([{ step: 'key', isWrong: false }, 1])
    key.take('wrong', false)
    server.answer = refusal(403, 'invalid_token')
    watch.retry()
    await clock.advance(10)
    expect([watch.state.value, key.value]).toEqual([{ step: 'key', isWrong: true }, null])
    key.take('right', false)
    server.answer = () => new Response(lineAt(1, 'one'))
    watch.retry()
    await clock.advance(10)
    expect([texts(), server.asked.at(-1)?.key]).toEqual([['one'], 'Bearer right'])
  })
})

describe('a log that is followed', () => {
  beforeEach(async () => {
    watch.follow()
    await settled()
    server.write(lineAt(1, 'one'))
    await clock.advance(200)
  })

  test('shows lines as they come', async () => {
    expect([step(), texts()]).toEqual(['following', ['one']])
    server.write(lineAt(2, 'two'))
    await clock.advance(200)
    expect(texts()).toEqual(['one', 'two'])
    expect(queries()).toEqual([{ outputs: 'true', tail: '200', follow: 'true' }])
  })

  test('says that it was lost and why, and goes on by itself from the last line, with each line once', async () => {
    server.break()
    await settled()
    expect(watch.state.value).toMatchObject({
      ...{ step: 'lost', why: 'no answer comes from the server' },
      retryAtMs: clock.now() + 1_000,
    })
    await clock.advance(1_000)
    expect(queries()[1]).toEqual({
      ...{ outputs: 'true', tail: '2000', follow: 'true', since: '2026-11-23T12:00:01.000Z' },
    })
    server.write(lineAt(1, 'one') + lineAt(3, 'missed meanwhile'))
    await clock.advance(1_000)
    expect([step(), texts()]).toEqual(['following', ['one', 'missed meanwhile']])
  })

  test('asks less and less often while nobody answers, and says for how long that is so', async () => {
    const sinceMs = clock.now()
    server.answer = () => {
      throw new TypeError('refused')
    }
    server.break()
    await clock.advance(120_000)
    expect(server.asked.length).toBeWithin(7, 10)
    expect(watch.state.value).toMatchObject({ step: 'lost', sinceMs })
  })

  test('goes on at once when the server ends the answer after its four minutes', async () => {
    await clock.advance(240_000)
    server.end()
    await settled()
    expect([step(), server.asked.length]).toEqual(['following', 2])
  })

  test('is lost where an answer lasts longer than the server lets it', async () => {
    await clock.advance(254_000)
    expect(server.asked).toHaveLength(1)
    await clock.advance(2_000)
    expect(server.asked).toHaveLength(2)
  })

  test('is not found and lost in turns while the container does not run', async () => {
    server.answer = () => {
      const answer = server.open()
      server.write(lineAt(1, 'one'))
      clock.after(100, () => server.end())
      return answer
    }
    const steps: string[] = []
    server.end()
    await settled()
    watch.state.subscribe(({ step: now }) => steps.push(now))
    await clock.advance(60_000)
    expect(new Set(steps)).toEqual(new Set(['lost']))
    expect(server.asked.length).toBeLessThan(10)
    expect(texts()).toEqual(['one'])
  })

  test('waits as long as the server says where too many read', async () => {
    server.answer = refusal(503, 'too_many_subscribers', { recovery_eta_seconds: 5 })
    server.break()
    await clock.advance(5_900)
    expect(server.asked).toHaveLength(2)
    await clock.advance(200)
    expect(server.asked).toHaveLength(3)
  })

  test('is let go while nobody sees the page, and goes on from the last line', async () => {
    watch.hide()
    await clock.advance(300_000)
    expect([step(), server.asked.length]).toEqual(['paused', 1])
    watch.show()
    await settled()
    server.write(lineAt(1, 'one') + lineAt(4, 'later'))
    await clock.advance(200)
    expect([step(), texts()]).toEqual(['following', ['one', 'later']])
  })

  test('ends when that is wanted, and a page that is seen again does not begin it', async () => {
    watch.unfollow()
    watch.hide()
    watch.show()
    await clock.advance(300_000)
    expect([step(), server.asked.length]).toEqual(['read', 1])
  })

  test('asks nobody any more when the page is left, also while it is lost', async () => {
    server.break()
    await settled()
    watch.stop()
    await clock.advance(300_000)
    expect([server.asked.length, clock.timers()]).toEqual([1, 0])
  })
})
