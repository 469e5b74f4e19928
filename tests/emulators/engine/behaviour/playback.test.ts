import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { ByteReader } from '../testing/byte-reader.ts'
import { CONTENT_ID, TestEngine, until } from '../testing/harness.ts'
import { continuityErrors, parsePackets, parseSection } from '../testing/packets.ts'

/** The test engines play at 376 kbit/s, which is ten packets per frame. */
const BYTES_PER_S = 47_000

describe('progressive playback', () => {
  test('a reader gets three times the rate at first, then real time, in valid packets', async () => {
    await using engine = await TestEngine.start()
    const { playback_url } = await engine.open()
    const { answer } = await engine.startPlayback(playback_url)
    engine.clock.advance(12_000)
    const response = await answer
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('video/mp2t')
    expect(response.headers.get('content-length')).toBeNull()
    const reader = new ByteReader(response)
    const burst = await reader.take(36 * BYTES_PER_S)
    expect(await bytesSent(engine)).toBe(36 * BYTES_PER_S)
    engine.clock.advance(10_000)
    const rest = await reader.take(10 * BYTES_PER_S)
    expect(await bytesSent(engine)).toBe(46 * BYTES_PER_S)
    const packets = parsePackets(Buffer.concat([burst, rest]))
    expect(continuityErrors(packets)).toBe(0)
    const tables = packets.filter(({ pid }) => pid === 0 || pid === 0x1000)
    expect(tables.length).toBe(2 * 46 * 25)
    for (const table of tables) expect(parseSection(table).length).toBeGreaterThan(0)
    await reader.leave()
  })

  test('no headers come before the first data', async () => {
    await using engine = await TestEngine.start({ PLAYBACK_MS: '3000' })
    const { playback_url } = await engine.open()
    const { answer } = await engine.startPlayback(playback_url)
    let answered = false
    answer.finally(() => {
      answered = true
    })
    engine.clock.advance(2900)
    // Headers sent by then would have arrived before this round trip.
    expect((await engine.state()).counters.bytes_sent).toBe(0)
    expect(answered).toBe(false)
    engine.clock.advance(200)
    expect((await answer).status).toBe(200)
  })

  test('a second reader gets two status lines, and the first goes on', async () => {
    await using engine = await TestEngine.start()
    const { playback_url } = await engine.open()
    const { answer } = await engine.startPlayback(playback_url)
    const redirect = await engine.get(playback_url, { redirect: 'manual' })
    const corrupt = await rawAnswer(
      engine.ports.http,
      new URL(redirect.headers.get('location') ?? '').pathname,
    )
    expect(corrupt.match(/HTTP\/1\.1 \d{3}/g)).toHaveLength(2)
    engine.clock.advance(1000)
    const reader = new ByteReader(await answer)
    expect(continuityErrors(parsePackets(await reader.take(BYTES_PER_S)))).toBe(0)
    expect((await engine.state()).counters.refused_readers).toBe(1)
    await reader.leave()
  })

  test('after its reader left a session takes the next one, and expires without', async () => {
    await using engine = await TestEngine.start()
    const { playback_url } = await engine.open()
    const { answer } = await engine.startPlayback(playback_url)
    engine.clock.advance(100_000)
    const reader = new ByteReader(await answer)
    await reader.leave()
    await until(async () => (await engine.state()).sessions[0]?.readers === 0)
    const { answer: second } = await engine.startPlayback(playback_url)
    engine.clock.advance(1000)
    const secondReader = new ByteReader(await second)
    expect(parsePackets(await secondReader.take(1880))).toHaveLength(10)
    await secondReader.leave()
    await until(async () => (await engine.state()).sessions[0]?.readers === 0)
    engine.clock.advance(60_000)
    expect((await engine.state()).counters).toMatchObject({ expired: 1 })
  })

  test.each([
    ['superseded', async (engine: TestEngine) => void (await engine.open(`id=${CONTENT_ID}&pid=2`))],
    ['stopped', async (engine: TestEngine, stopUrl: string) => void (await engine.get(stopUrl))],
  ])('a reader whose session is %s is cut, between two packets', async (counter, end) => {
    await using engine = await TestEngine.start()
    const { playback_url, command_url } = await engine.open(`id=${CONTENT_ID}&pid=1`)
    const { answer } = await engine.startPlayback(playback_url)
    engine.clock.advance(1000)
    const reader = new ByteReader(await answer)
    await end(engine, `${command_url}?method=stop`)
    expect(parsePackets(await reader.takeAll())).toHaveLength(750)
    expect((await engine.state()).counters[counter]).toBe(1)
  })
})

describe('HLS', () => {
  const openList = async (engine: TestEngine, query = `id=${CONTENT_ID}&pid=1`) => {
    const path = `/ace/manifest.m3u8?${query}&format=json`
    return (await engine.json<{ response: { playback_url: string; command_url: string } }>(path)).response
  }
  const addresses = (list: string) => list.split('\n').filter((line) => line.startsWith('http'))
  const sequence = (list: string) => Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(list)?.[1])

  test('the list has version 3 and absolute addresses that go on with time', async () => {
    await using engine = await TestEngine.start()
    const { playback_url } = await openList(engine)
    expect(playback_url).toMatch(/\/ace\/m\/[0-9a-f]{40}\/[0-9a-f]{32}\.m3u8$/)
    const first = await (await engine.get(playback_url)).text()
    expect(first).toStartWith('#EXTM3U\n#EXT-X-VERSION:3\n')
    expect(addresses(first)).toHaveLength(15)
    expect(addresses(first)[0]).toMatch(/^http:\/\/127.0.0.1:\d+\/ace\/c\/[0-9a-f]{40}\/\d+\.ts$/)
    engine.clock.advance(8000)
    const second = await (await engine.get(playback_url)).text()
    expect(sequence(second)).toBe(sequence(first) + 2)
    expect(addresses(second)[0]).toBe(addresses(first)[2] ?? '')
  })

  test('two readers get the same bytes; one segment goes on where the one before ended', async () => {
    await using engine = await TestEngine.start()
    const { playback_url } = await openList(engine)
    const list = addresses(await (await engine.get(playback_url)).text())
    const segment = async (index: number) => await (await engine.get(list[index] ?? '')).bytes()
    const [one, again, next] = await Promise.all([segment(3), segment(3), segment(4)])
    expect(one).toEqual(again)
    expect(one.length).toBe(4 * BYTES_PER_S)
    expect(continuityErrors(parsePackets(Buffer.concat([one, next])))).toBe(0)
    const beyond = (list.at(-1) ?? '').replace(/\d+\.ts$/, '1.ts')
    expect((await engine.get(beyond)).status).toBe(404)
  })

  test('the list is 403 when superseded, 500 when stopped', async () => {
    await using engine = await TestEngine.start()
    const first = await openList(engine)
    const second = await openList(engine, `id=${CONTENT_ID}&pid=2`)
    expect((await engine.get(first.playback_url)).status).toBe(403)
    expect((await engine.get(second.playback_url)).status).toBe(200)
    await engine.get(`${second.command_url}?method=stop`)
    expect((await engine.get(second.playback_url)).status).toBe(500)
  })

  test('another format supersedes as well', async () => {
    await using engine = await TestEngine.start()
    const { playback_url } = await openList(engine)
    await engine.open(`id=${CONTENT_ID}&pid=1`)
    expect((await engine.get(playback_url)).status).toBe(403)
  })
})

const bytesSent = async (engine: TestEngine) => (await engine.state()).counters.bytes_sent ?? 0

/** The raw bytes of the answer to a request. */
async function rawAnswer(port: number, path: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
