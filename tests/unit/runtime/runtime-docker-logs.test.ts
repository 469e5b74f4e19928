import { describe, expect, test } from 'bun:test'
import { dockerRuntimeAt, until } from '../../support/docker.ts'
import { chunkOf, httpAnswer, piece, rawDaemon } from '../../support/fake-daemon.ts'
import { failureOf } from '../../support/runtime-contract.ts'

const HEADERS =
  'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
const BOUNDS = { lines: 20, bytes: 1_000 }
const inspected = (Tty: boolean) => httpAnswer(200, { Config: { Tty } })

/** The log of a container, from a daemon whose answer comes in these chunks. */
async function logOf(chunks: readonly string[], { isTty = false, bounds = BOUNDS } = {}): Promise<string> {
  const asked: string[] = []
  const stream = HEADERS + chunks.map(chunkOf).join('') + chunkOf('')
  using daemon = rawDaemon((wire, request) => {
    asked.push(request)
    wire.send(request.includes('/logs') ? stream : inspected(isTty))
  })
  const log = await dockerRuntimeAt(daemon.dockerHost).logs('abc', bounds)
  expect(asked.at(-1)).toBe(`GET /containers/abc/logs?stdout=1&stderr=1&tail=${bounds.lines} HTTP/1.1`)
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
