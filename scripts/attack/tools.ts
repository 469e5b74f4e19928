import { connect, type Socket } from 'node:net'

/** Counts by name, for a line of notes. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(name: string | number): void {
    this.#counts.set(String(name), this.of(name) + 1)
  }

  of(name: string | number): number {
    return this.#counts.get(String(name)) ?? 0
  }

  names(): readonly string[] {
    return [...this.#counts.keys()]
  }

  /** Lists the counts, the most frequent first. */
  toString(): string {
    const rows = [...this.#counts].toSorted(([, a], [, b]) => b - a)
    return rows.map(([name, count]) => `${count} × ${name}`).join(', ') || 'none'
  }
}

/** A pause after a failure, so that a server that is gone is not asked a million times. */
const REST_MS = 50

/**
 * Runs `work` in this many places at once, again and again until the time is over. If `work` throws, `onFailure` receives
 * the error and the place pauses for a moment.
 */
export async function atOnce(
  { places, seconds }: { readonly places: number; readonly seconds: number },
  work: (turn: number, place: number) => Promise<unknown>,
  onFailure: (error: Error) => void,
): Promise<void> {
  const endMs = performance.now() + seconds * 1_000
  const goOn = async (place: number): Promise<void> => {
    for (let turn = 0; performance.now() < endMs; turn++) {
      try {
        await work(turn, place)
      } catch (error) {
        onFailure(error instanceof Error ? error : new Error(String(error)))
        await Bun.sleep(REST_MS)
      }
    }
  }
  await Promise.all(Array.from({ length: places }, (_, place) => goOn(place)))
}

/** Names a socket's error or a failed fetch for a tally. */
export const nameOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : error.message

/**
 * Opens a bare connection to an origin such as `http://127.0.0.1:8000`. An error after the connect shows only as the
 * connection's end.
 */
export async function dial(origin: string): Promise<Socket> {
  const { hostname, port } = new URL(origin)
  const opened = Promise.withResolvers<void>()
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('connect', opened.resolve)
  socket.on('error', opened.reject)
  socket.on('close', () => opened.reject(new Error('closed')))
  await opened.promise
  return socket
}

/**
 * Sends `request` and returns everything that is received until the connection ends, or until nothing has come for
 * `silentMs`.
 */
export async function say(origin: string, request: string, silentMs: number): Promise<string> {
  const socket = await dial(origin)
  const chunks: Buffer[] = []
  const ended = Promise.withResolvers<void>()
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('close', () => ended.resolve())
  socket.setTimeout(silentMs, () => ended.resolve())
  socket.write(request)
  await ended.promise
  socket.destroy()
  return Buffer.concat(chunks).toString('latin1')
}

/** The status of a raw answer; `silence` if there was no answer. */
export const statusIn = (answer: string): string => /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 'silence'

/** Makes the headers of a POST with the key. */
export const keyed = (key: string): Record<string, string> => ({
  authorization: `Bearer ${key}`,
  'content-type': 'application/json',
})
