import { codeOf } from './codes.ts'
import { shortageIn } from './shortage.ts'

/** The most that is read of an answer, in bytes: the answers that we request have some kilobytes. */
export const ANSWER_BYTES_MAX = 64 * 1024

/** The options of a request. */
interface Manner {
  /** Ends the request at any stage; the caller includes its deadline in it. */
  readonly signal: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  /** A status whose body is read too, beside that of a 200. */
  readonly alsoRead?: number
}

/** What the server answered. */
export interface Answer {
  readonly status: number
  /** The body of a 200, or of `alsoRead`; empty for any other status, whose body is not read. */
  readonly text: string
}

/** The server sent something that is no usable answer; the message names it as a noun. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer'
}

/** The request was not sent, because we lack a resource, which the message names. It says nothing about the server. */
export class NotAsked extends Error {
  override readonly name = 'NotAsked'
}

/**
 * Sends a GET request. All requests of this program over HTTP go through here, except those to Docker. Each uses its own
 * connection, which is always closed afterwards, and goes directly to the server: a proxy from the environment is not used
 * and a redirection is not followed, because either would learn our requests and keys. The server is not trusted: at most
 * `ANSWER_BYTES_MAX` are read, and nothing is decompressed. Bun itself limits the head (about 1 MB, 256 fields) and reads
 * ahead at most some hundred kilobytes.
 *
 * Throws a BadAnswer for an unusable answer; NotAsked if the request could not be sent; the signal's reason if the signal
 * ends the request; and what `fetch` throws if no connection was made or the server closed it.
 */
export async function ask(url: string, { signal, headers = {}, alsoRead = 200 }: Manner): Promise<Answer> {
  const over = new AbortController()
  const unpacked = new Headers(headers)
  unpacked.set('Accept-Encoding', 'identity')
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, over.signal]),
      headers: unpacked,
      redirect: 'manual',
      keepalive: false,
      decompress: false,
      proxy: false,
    })
    const isRead = response.status === 200 || response.status === alsoRead
    const text = isRead ? await textOf(response, signal) : ''
    return { status: response.status, text }
  } catch (error) {
    const shortage = shortageIn(error)
    if (shortage !== null) throw new NotAsked(shortage, { cause: error })
    throw NO_HTTP.has(codeOf(error)) ? new BadAnswer('an answer that is no HTTP', { cause: error }) : error
  } finally {
    // Closes the connection, so that the rest of the answer is not waited for.
    over.abort()
  }
}

/** Bun's error codes for a head that cannot be read. */
const NO_HTTP = new Set(['Malformed_HTTP_Response', 'ResponseHeadersTooLarge', 'InvalidContentLength'])

async function textOf(response: Response, signal: AbortSignal): Promise<string> {
  const encoding = response.headers.get('content-encoding') ?? 'identity'
  if (encoding.toLowerCase() !== 'identity')
    throw new BadAnswer('an answer that is packed, though we asked for none')
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length
      if (bytes > ANSWER_BYTES_MAX) throw new BadAnswer(`an answer of more than ${ANSWER_BYTES_MAX} bytes`)
      text += decoder.decode(chunk, { stream: true })
    }
  } catch (error) {
    if (error instanceof BadAnswer || signal.aborted) throw error
    throw new BadAnswer('an answer that breaks off', { cause: error })
  }
  return text + decoder.decode()
}
