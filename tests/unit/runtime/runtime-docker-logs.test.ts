import { describe, expect, test } from 'bun:test'
import { LOG_LINE_BYTES_MAX, type LogBounds } from '../../../src/runtime/runtime.ts'
import { dockerRuntimeAt, until } from '../../support/docker.ts'
import { chunkOf, httpAnswer, piece, rawDaemon, type Wire } from '../../support/fake-daemon.ts'
import { failureOf } from '../../support/runtime-contract.ts'

const HEADERS =
  'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
const BOUNDS = { lines: 20, bytes: 1_000 }
const inspected = (Tty: boolean) => httpAnswer(200, { Config: { Tty } })

/** The log of a container, from a daemon whose answer comes in these chunks. */
async function logOf(
  chunks: readonly string[],
  { isTty = false, bounds = BOUNDS }: { readonly isTty?: boolean; readonly bounds?: LogBounds } = {},
): Promise<string> {
  const asked: string[] = []
  const stream = HEADERS + chunks.map(chunkOf).join('') + chunkOf('')
  using daemon = rawDaemon((wire, request) => {
    asked.push(request)
    wire.send(request.includes('/logs') ? stream : inspected(isTty))
  })
  const log = await dockerRuntimeAt(daemon.dockerHost).logs('abc', bounds)
  expect(asked.at(-1)).toBe(
    `GET /containers/abc/logs?stdout=1&stderr=1&tail=${bounds.lines}${bounds.isTimed ? '&timestamps=1' : ''} HTTP/1.1`,
  )
  return log
}

describe('a log', () => {
  const raw =
    piece(1, 'a\n') + piece(2, `\u001b[31mb\u001b[0m ${Buffer.from('ü').toString('latin1')}\n`) + piece(1, '')

  test('has both outputs in their order, wherever the chunks end', async () => {
    for (const size of [1, 3, 7, 8, 9, 1_000]) {
      const chunks = raw.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
      expect([size, await logOf(chunks)]).toEqual([size, 'a\nb ü\n'])
    }
  })

  test('has the name of the output after the time of each line if it is asked for, wherever the chunks end', async () => {
    const timed = piece(1, 'T1 a b\n') + piece(2, 'T2 c\n') + piece(2, 'T3 \n')
    const bounds = { ...BOUNDS, isTimed: true, isNamed: true }
    for (const size of [1, 3, 9, 1_000]) {
      const chunks = timed.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
      expect([size, await logOf(chunks, { bounds })]).toEqual([
        size,
        'T1 stdout a b\nT2 stderr c\nT3 stderr \n',
      ])
    }
    expect(await logOf(['T1 a\r\n'], { isTty: true, bounds })).toBe('T1 a\n')
  })

  test('of a container with a terminal is one stream without headers, also where it looks like JSON', async () => {
    expect(await logOf(['a\r\n', 'b\r\n'], { isTty: true })).toBe('a\nb\n')
    expect(await logOf(['{"a":1}'], { isTty: true })).toBe('{"a":1}')
  })

  test('that is long keeps its newest lines', async () => {
    const lines = Array.from({ length: 5_000 }, (_, line) => `line ${line}\n`)
    const log = await logOf(
      lines.map((line) => piece(1, line)),
      { bounds: { lines: 5_000, bytes: 30 } },
    )
    expect(log).toBe('line 4997\nline 4998\nline 4999\n')
  })

  test('of bytes that are no text has replacements for them', async () => {
    expect(await logOf([piece(1, 'a\u00ff\u00feb\n')])).toBe('a\ufffd\ufffdb\n')
  })

  test('is refused where the log driver gives none back, and not found where the container went meanwhile', async () => {
    const noReading = { message: 'configured logging driver does not support reading' }
    for (const [status, message, code] of [
      [501, noReading.message, 'refused'],
      [404, 'No such container: abc', 'not_found'],
    ] as const) {
      using daemon = rawDaemon((wire, request) =>
        wire.send(request.includes('/logs') ? httpAnswer(status, { message }) : inspected(false)),
      )
      const failure = await failureOf(code, dockerRuntimeAt(daemon.dockerHost).logs('abc', BOUNDS))
      if (code === 'refused') expect(failure.message).toContain(message)
    }
  })

  test.each([
    ['is cut off', true, 5_000],
    ['does not end', false, 200],
  ])('that %s is unreachable, and leaves no connection behind', async (_, isCut, logs) => {
    using daemon = rawDaemon((wire, request) => {
      if (!request.includes('/logs')) return wire.send(inspected(false))
      wire.send(HEADERS + chunkOf(piece(1, 'a\n')))
      if (isCut) wire.cut()
    })
    const runtime = dockerRuntimeAt(daemon.dockerHost, { logs })
    const failure = await failureOf('unreachable', runtime.logs('abc', BOUNDS))
    expect(failure.effect).toBe('unknown')
    await until('only the connection of the inspection may be kept', () => daemon.open() <= 1)
  })
})

/** A log that is followed at a daemon, whose answer begins with this; `wire` sends more of it. */
async function followed(
  begins: string,
  { isTty = false, env = [] as readonly string[], onLines = (): Promise<void> => Promise.resolve() } = {},
) {
  const wires: Wire[] = []
  const asked: string[] = []
  const daemon = rawDaemon((wire, request) => {
    asked.push(request)
    if (!request.includes('/logs')) return wire.send(httpAnswer(200, { Config: { Tty: isTty, Env: env } }))
    wires.push(wire)
    wire.send(HEADERS + begins)
  })
  const lines: string[] = []
  const stop = new AbortController()
  const opened = Promise.withResolvers<void>()
  const ended = dockerRuntimeAt(daemon.dockerHost).followLog(
    'abc',
    { lines: 20, sinceMs: 1_500 },
    {
      onOpen: () => opened.resolve(),
      onLines: (more) => {
        lines.push(...more)
        return onLines()
      },
    },
    stop.signal,
  )
  await Promise.race([opened.promise, ended])
  const send = (text: string) => wires.at(-1)?.send(text)
  const waiting = () => wires.at(-1)?.waiting() ?? 0
  return {
    daemon,
    asked,
    lines,
    ended,
    send,
    waiting,
    cut: () => wires.at(-1)?.cut(),
    stop: () => stop.abort(),
  }
}

describe('a log that is followed', () => {
  test('is asked for once, and comes line by line, wherever the chunks end', async () => {
    const raw = piece(1, 'a\nb') + piece(2, '\u001b[31mc\u001b[0m\n\n') + piece(1, 'd')
    for (const size of [1, 3, 8, 9, 1_000]) {
      const chunks = (raw.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []).map(chunkOf)
      const { daemon, asked, lines, ended } = await followed(chunks.join('') + chunkOf(''))
      using _ = daemon
      await ended
      expect([size, ...lines]).toEqual([size, 'a', 'bc', '', 'd'])
      expect(asked.at(-1)).toBe(
        'GET /containers/abc/logs?stdout=1&stderr=1&tail=20&since=1.500&timestamps=1&follow=1 HTTP/1.1',
      )
    }
  })

  test('of a container with a terminal has no headers to take out', async () => {
    const { daemon, lines, ended } = await followed(chunkOf('a\r\nb\r\n') + chunkOf(''), { isTty: true })
    using _ = daemon
    await ended
    expect(lines).toEqual(['a', 'b'])
  })

  test('keeps the beginning of a line without an end, and masks what is secret', async () => {
    const long = 'x'.repeat(LOG_LINE_BYTES_MAX)
    const env = ['A_TOKEN=s3cret', 'PLAIN=shown', 'KEY']
    const text = piece(1, `${long}${long}${long}\n`) + piece(1, 'with s3cret shown\n')
    const { daemon, lines, ended } = await followed(chunkOf(text) + chunkOf(''), { env })
    using _ = daemon
    await ended
    expect(lines).toEqual([long, 'with *** shown'])
  })

  test('closes its connection at once when it is given up', async () => {
    const { daemon, lines, ended, stop } = await followed(chunkOf(piece(1, 'a\n')))
    using _ = daemon
    await until('the line is told', () => lines.length === 1)
    stop()
    await ended
    await until('only the connection of the inspection may be kept', () => daemon.open() <= 1)
  })

  test('that breaks off is unreachable', async () => {
    const { daemon, ended, lines, cut } = await followed(chunkOf(piece(1, 'a\n')))
    using _ = daemon
    await until('the line is told', () => lines.length === 1)
    cut()
    expect((await failureOf('unreachable', ended)).effect).toBe('unknown')
  })

  test('is read only as fast as its receiver takes it', async () => {
    const gate = Promise.withResolvers<void>()
    const { daemon, lines, ended, send, waiting, stop } = await followed('', { onLines: () => gate.promise })
    using _ = daemon
    const some = chunkOf(piece(1, `${'x'.repeat(1_023)}\n`.repeat(64)))
    const pieces = 200
    for (let sent = 0; sent < pieces; sent++) send(some)
    await until('lines have come', () => lines.length > 0)
    const taken = lines.length
    // Whatever is not in the buffers of the two ends still waits in the daemon: 13 MB were sent.
    expect(waiting()).toBeGreaterThan(10_000_000)
    expect(lines.length).toBe(taken)
    gate.resolve()
    await until('all have come', () => lines.length === pieces * 64)
    stop()
    await ended
  })
})
