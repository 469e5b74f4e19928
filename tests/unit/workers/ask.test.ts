import { afterEach, describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ANSWER_BYTES_MAX, ask, BadAnswer } from '../../../src/lib/ask.ts'
import { until } from '../../support/docker.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

const MEGABYTE = 1024 * 1024

/** A TCP server whose `onRequest` handles each request. Counts the bytes that were accepted and the open connections. */
async function server(onRequest: (socket: Socket, head: string) => void) {
  const heads: string[] = []
  const sockets = new Set<Socket>()
  let read = 0
  const listening = createServer((socket) => {
    sockets.add(socket)
    // A client that wants no more data resets the connection.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      read += socket.bytesWritten
    })
    socket.once('data', (bytes) => {
      heads.push(String(bytes))
      onRequest(socket, String(bytes))
    })
  }).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    listening.close()
  })
  const { port } = listening.address() as AddressInfo
  const closed = () => until('all connections are closed', () => sockets.size === 0)
  return { port, url: `http://127.0.0.1:${port}/x`, heads, closed, sentBytes: () => read }
}

const OK = 'HTTP/1.1 200 OK\r\n'

/** Writes the piece repeatedly, as fast as the client reads it. */
function pour(socket: Socket, begin: string, piece: string | Buffer, times = Number.POSITIVE_INFINITY): void {
  let left = times
  const more = () => {
    while (left-- > 0 && !socket.destroyed) if (!socket.write(piece)) return
  }
  socket.on('drain', more)
  socket.write(begin)
  more()
}

const soon = () => AbortSignal.timeout(20_000)
const failureOf = (question: Promise<unknown>): Promise<unknown> =>
  question.then(
    () => 'an answer',
    (error: unknown) => error,
  )

describe('an answer', () => {
  test('is the text of a 200, and of any other only the status', async () => {
    const good = await server((socket) => socket.end(`${OK}Content-Length: 4\r\n\r\nwörd`))
    expect(await ask(good.url, { signal: soon() })).toEqual({ status: 200, text: 'wör' })
    // The body never ends.
    const bad = await server((socket) => socket.write('HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\n'))
    expect(await ask(bad.url, { signal: soon() })).toEqual({ status: 401, text: '' })
    await bad.closed()
  })

  test('up to the bound is taken whole, and not one byte more', async () => {
    const long = (length: number) =>
      server((socket) => socket.end(`${OK}Content-Length: ${length}\r\n\r\n${'x'.repeat(length)}`))
    const { text } = await ask((await long(ANSWER_BYTES_MAX)).url, { signal: soon() })
    expect(text).toHaveLength(ANSWER_BYTES_MAX)
    const error = await failureOf(ask((await long(ANSWER_BYTES_MAX + 1)).url, { signal: soon() }))
    expect(error).toBeInstanceOf(BadAnswer)
    expect(error).toHaveProperty('message', 'an answer of more than 65536 bytes')
  })

  const meg = Buffer.alloc(MEGABYTE, 'a')
  const zeros = gzipSync(Buffer.alloc(100 * MEGABYTE))
  test.each<readonly [string, string, (socket: Socket) => void]>([
    ['100 MB', 'more than', (to) => pour(to, `${OK}Content-Length: 104857600\r\n\r\n`, meg, 100)],
    [
      'chunks without end',
      'more than',
      (to) => pour(to, `${OK}Transfer-Encoding: chunked\r\n\r\n`, `100000\r\n${meg}\r\n`),
    ],
    ['a body without length and end', 'more than', (to) => pour(to, `${OK}\r\n`, meg)],
    [
      '100 MB of zeros that are packed',
      'is packed',
      (to) => pour(to, `${OK}Content-Encoding: gzip\r\nContent-Length: ${zeros.length}\r\n\r\n`, zeros, 1),
    ],
    [
      'what is packed by another name',
      'is packed',
      (to) => pour(to, `${OK}Content-Encoding: br\r\n\r\n`, meg),
    ],
    ['a field without end', 'no HTTP', (to) => pour(to, `${OK}X: `, meg)],
    ['fields without end', 'no HTTP', (to) => pour(to, OK, `X: ${'a'.repeat(1000)}\r\n`)],
    ['a status without end', 'no HTTP', (to) => pour(to, 'HTTP/1.1 200 ', meg)],
    ['another protocol', 'no HTTP', (to) => to.write('220 mail.example\r\n\r\n')],
    ['a length below nothing', 'no HTTP', (to) => to.write(`${OK}Content-Length: -5\r\n\r\n`)],
    ['a body that breaks off', 'breaks off', (to) => to.end(`${OK}Content-Length: 10\r\n\r\nabc`)],
    ['a broken chunk', 'breaks off', (to) => to.write(`${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc`)],
  ])('of %s is none, and its connection is closed', async (_, words, onRequest) => {
    const stranger = await server(onRequest)
    const error = await failureOf(ask(stranger.url, { signal: soon() }))
    expect(error).toBeInstanceOf(BadAnswer)
    expect(error).toHaveProperty('message', expect.stringContaining(words))
    await stranger.closed()
    expect(stranger.sentBytes()).toBeLessThan(24 * MEGABYTE)
  })

  test.each<readonly [string, string, string]>([
    ['the body', `${OK}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
    ['the head', OK, 'X: y\r\n'],
    ['heads before the head', '', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['an extension of a chunk', `${OK}Transfer-Encoding: chunked\r\n\r\n1;`, 'a'],
  ])('that trickles in ends with the time, in %s', async (_, begin, piece) => {
    const slow = await server((socket) => {
      socket.write(begin)
      const timer = setInterval(() => socket.write(piece), 20)
      socket.on('close', () => clearInterval(timer))
    })
    const error = await failureOf(ask(slow.url, { signal: AbortSignal.timeout(150) }))
    expect(error).toHaveProperty('name', 'TimeoutError')
    await slow.closed()
  })

  test('is asked for unpacked, with GET, and with what the caller says of itself', async () => {
    const { url, heads } = await server((socket) => socket.end(`${OK}Content-Length: 0\r\n\r\n`))
    await ask(url, { signal: soon(), headers: { 'X-API-Key': 'k', 'accept-encoding': 'gzip' } })
    expect(heads[0]).toStartWith('GET /x HTTP/1.1\r\n')
    expect(heads[0]).toMatch(/^x-api-key: k\r$/im)
    expect(heads[0]?.match(/^accept-encoding: .*$/gim)).toEqual(['Accept-Encoding: identity'])
  })

  test('that leads elsewhere is not followed', async () => {
    const other = await server((socket) => socket.end(OK))
    const first = await server((socket) => socket.end(`HTTP/1.1 302 Found\r\nLocation: ${other.url}\r\n\r\n`))
    expect((await ask(first.url, { signal: soon() })).status).toBe(302)
    expect(other.heads).toEqual([])
  })
})

/** Runs `asking-process` against a port, with these environment variables. */
async function askAll(port: number, env: Readonly<Record<string, string>>) {
  const command = ['bun', join(import.meta.dir, '../../support/asking-process.ts'), String(port)]
  const child = Bun.spawn(command, { env: { PATH: process.env.PATH, ...env }, stdout: 'pipe' })
  return JSON.parse(await child.stdout.text())
}

const ALL_WELL = {
  probe: true,
  worker: true,
  network: true,
  session: 'serves',
  stop: 'stopped',
  control: 'running',
  health: 0,
  docker: true,
}

const ANSWERS: readonly (readonly [path: string, body: unknown])[] = [
  ['/server/api', { result: { connected: true } }],
  ['/ace/stat/', { response: { peers: 1 }, error: null }],
  ['/ace/cmd/', { response: 'ok', error: null }],
  ['/v1/', { status: 'running', port: 0, public_ip: '' }],
]

/** A server that acts as an engine, a control server, a Docker Engine and ourselves. */
function everybody() {
  const served = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: ({ url }) => {
      const known = ANSWERS.find(([path]) => new URL(url).pathname.startsWith(path))
      return known === undefined ? new Response('OK') : Response.json(known[1])
    },
  })
  cleanUps.push(() => served.stop(true))
  return served.port ?? 0
}

describe('what this program asks', () => {
  const NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']

  test('goes to no proxy that the environment names', async () => {
    const proxy = await server((socket) => socket.end(`${OK}Content-Length: 0\r\n\r\n`))
    const url = `http://127.0.0.1:${proxy.port}`
    const both = NAMES.flatMap((name) => [name, name.toLowerCase()])
    const answers = await askAll(everybody(), Object.fromEntries(both.map((name) => [name, url])))
    expect(answers).toMatchObject(ALL_WELL)
    expect(proxy.heads).toEqual([])
  }, 30_000)

  test.each<readonly [string, (socket: Socket) => void]>([
    ['100 MB', (to) => pour(to, `${OK}Content-Length: 104857600\r\n\r\n`, Buffer.alloc(MEGABYTE, ' '), 100)],
    [
      '100 MB of zeros that are packed',
      (to) => pour(to, `${OK}Content-Encoding: gzip\r\n\r\n`, gzipSync(Buffer.alloc(100 * MEGABYTE)), 1),
    ],
  ])(
    'costs no memory where it is answered with %s',
    async (_, onRequest) => {
      const stranger = await server(onRequest)
      const { memoryKb, ...answers } = await askAll(stranger.port, {})
      expect(answers).toMatchObject({ probe: false, worker: false, network: null, session: 'silent' })
      expect(memoryKb).toBeLessThan(150 * 1024)
    },
    60_000,
  )
})
