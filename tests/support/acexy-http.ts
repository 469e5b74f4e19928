import type { Clock } from '../../src/lib/clock.ts'

/** How acexy's calls are sent: over the network, or to an application in the same process. */
export interface Transport {
  readonly clock: Clock
  readonly send: (request: Request) => Promise<Response>
}

/** One call. The timeout includes the reading of the body, as in Go's `http.Client.Timeout`. */
export interface Call {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly timeoutMs: number
}

export interface Answer {
  readonly status: number
  readonly text: string
}

/**
 * Makes one call and returns the answer, whatever its status. Closes the connection at the timeout. @throws what `send`
 * throws.
 */
export async function exchange({ clock, send }: Transport, call: Call): Promise<Answer> {
  const { method, url, headers = {}, body, timeoutMs } = call
  const patience = new AbortController()
  const cancel = clock.after(timeoutMs, () => patience.abort(new Error(`no answer within ${timeoutMs} ms`)))
  try {
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    const request = new Request(url, { method, headers, ...content, signal: patience.signal })
    const response = await send(request)
    return { status: response.status, text: await response.text() }
  } finally {
    cancel()
  }
}
