/** An answer as it was received. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON. Throws if it is not JSON. */
  readonly json: { readonly code?: string; readonly detail?: unknown; readonly [name: string]: unknown }
}

/**
 * Sends these bytes over a connection of their own and returns the answer. No HTTP client is involved that would correct
 * malformed bytes. Several pieces are sent one after the other. Throws if the connection ends without an answer.
 */
export async function rawAnswer(port: number, ...pieces: readonly string[]): Promise<RawAnswer> {
  const done = Promise.withResolvers<string>()
  let received = ''
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data: (own, piece) => {
        received += piece.toString('latin1')
        if (isWhole(received)) own.end()
      },
      close: () => done.resolve(received),
      error: () => undefined,
    },
  })
  for (const piece of pieces) await write(socket, Buffer.from(piece))
  return answerOf(await done.promise)
}

async function write(socket: Bun.Socket, bytes: Buffer): Promise<void> {
  let at = 0
  while (at < bytes.length) {
    const written = socket.write(bytes.subarray(at))
    // The server has already answered and closed the connection.
    if (written < 0) return
    at += written
    if (at < bytes.length) await new Promise(setImmediate)
  }
  socket.flush()
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /^content-length: (\d+)$/im.exec(text.slice(0, end))?.[1]
  return text.length >= end + 4 + Number(length ?? 0)
}

function answerOf(text: string): RawAnswer {
  const [, status, head = '', body = ''] =
    /^HTTP\/1\.[01] (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n(.*)$/s.exec(text) ?? []
  if (status === undefined) throw new Error(`no answer: ${JSON.stringify(text.slice(0, 200))}`)
  const pairs = head.split('\r\n').map((line) => line.split(/:\s*(.*)/s, 2) as [string, string])
  return {
    status: Number(status),
    headers: new Headers(pairs),
    text: body,
    get json() {
      return JSON.parse(body)
    },
  }
}
