import { describe, expect, test } from 'bun:test'
import { ByteReader } from '../testing/byte-reader.ts'
import { TestEngine, until } from '../testing/harness.ts'

const NETWORK = '/server/api?api_version=3&method=get_network_connection_status'
const ASK_MS = 200

interface Network {
  readonly result: { readonly connected: boolean }
}

interface Stat {
  readonly response: Readonly<Record<string, unknown>>
}

/** Answers questions about the tunnel like Gluetun's emulator, with what a test sets. */
class Tunnel implements AsyncDisposable {
  answer: () => Response = () => Response.json({ up: true })
  asked = 0
  readonly #server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => {
      this.asked += 1
      return this.answer()
    },
  })

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/tunnel`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }
}

const isConnected = async (engine: TestEngine): Promise<boolean> =>
  (await engine.json<Network>(NETWORK)).result.connected

/** Lets the engine ask until it reports this state. */
const becomes = (engine: TestEngine, connected: boolean): Promise<void> =>
  until(async () => {
    engine.clock.advance(ASK_MS)
    return (await isConnected(engine)) === connected
  })

/** Lets the engine ask at least twice more, because the first question is complete when the second one arrives. */
async function askedAgain(engine: TestEngine, tunnel: Tunnel): Promise<void> {
  const before = tunnel.asked
  await until(() => {
    engine.clock.advance(ASK_MS)
    return tunnel.asked >= before + 2
  })
}

describe('the tunnel', () => {
  const down: readonly [string, () => Response][] = [
    ['is down', () => Response.json({ up: false })],
    ['has an answer that says nothing', () => Response.json(null)],
    ['is no JSON', () => new Response('up')],
  ]
  test.each(down)('%s: not connected, what plays stalls; both come back with it', async (_, answer) => {
    await using tunnel = new Tunnel()
    await using engine = await TestEngine.start({ TUNNEL_URL: tunnel.url })
    const { playback_url, stat_url } = await engine.open()
    const reader = new ByteReader(await playing(engine, playback_url))
    tunnel.answer = answer
    await becomes(engine, false)
    const sentBytes = (await engine.state()).counters.bytes_sent
    engine.clock.advance(5000)
    expect((await engine.state()).counters.bytes_sent).toBe(sentBytes ?? 0)
    expect((await engine.json<Stat>(stat_url)).response).toMatchObject({ peers: 0, speed_down: 0 })

    tunnel.answer = () => Response.json({ up: true })
    await becomes(engine, true)
    engine.clock.advance(5000)
    expect((await engine.state()).counters.bytes_sent).toBeGreaterThan(sentBytes ?? 0)
    await reader.leave()
  })

  test('nobody who answers means down', async () => {
    const tunnel = new Tunnel()
    await using engine = await TestEngine.start({ TUNNEL_URL: tunnel.url })
    await askedAgain(engine, tunnel)
    expect(await isConnected(engine)).toBe(true)
    await tunnel[Symbol.asyncDispose]()
    await becomes(engine, false)
  })

  test('an engine that stays stuck does not notice that it is back', async () => {
    await using tunnel = new Tunnel()
    await using engine = await TestEngine.start({ TUNNEL_URL: tunnel.url, STUCK_AFTER_OUTAGE: 'true' })
    await askedAgain(engine, tunnel)
    tunnel.answer = () => Response.json({ up: false })
    await becomes(engine, false)
    tunnel.answer = () => Response.json({ up: true })
    await askedAgain(engine, tunnel)
    await askedAgain(engine, tunnel)
    expect(await isConnected(engine)).toBe(false)
  })

  test('a start before the tunnel is up is no outage to stay stuck after', async () => {
    await using tunnel = new Tunnel()
    tunnel.answer = () => Response.json({ up: false })
    await using engine = await TestEngine.start({ TUNNEL_URL: tunnel.url, STUCK_AFTER_OUTAGE: 'true' })
    await becomes(engine, false)
    tunnel.answer = () => Response.json({ up: true })
    await becomes(engine, true)
  })
})

async function playing(engine: TestEngine, url: string): Promise<Response> {
  const { answer } = await engine.startPlayback(url)
  engine.clock.advance(1000)
  return answer
}
