import { codeOf } from './codes.ts'
import { shortageIn } from './shortage.ts'

/** Most of an answer that is read, in bytes: those that we ask for have some kilobytes. */
export const ANSWER_BYTES_MAX = 64 * 1024

/** How a question is asked. */
interface Manner {
  /** Ends the question, wherever it stands; the caller's deadline is in it. */
  readonly signal: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
}

/** What came. */
export interface Answer {
  readonly status: number
  /** The body of a 200; empty for any other status, of which the body is not read. */
  readonly text: string
}

/** Something came that is no answer; the message says what, as a noun. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer'
}

/** The question did not get out, for a lack of our own, which the message names: it says nothing of whoever was asked. */
export class NotAsked extends Error {
  override readonly name = 'NotAsked'
}

/**
 * The one way in which this program asks anybody over HTTP: with GET, on a connection of its own that is closed whatever comes,
 * and straight (a proxy in the environment is for others, and would be told what we ask and our keys; a redirection is not
 * followed for the same reason). Whoever answers is a stranger: no more than `ANSWER_BYTES_MAX` is read, and nothing is unpacked.
 * Bun itself bounds the head (about 1 MB, 256 fields), and reads no further ahead than some hundred kilobytes.
 *
 * Throws a BadAnswer for what is none, NotAsked where we could not even ask, the signal's reason when that ends it, and what `fetch` throws where no connection came
 * about or the other side hung up.
 */
export async function ask(url: string, { signal, headers = {} }: Manner): Promise<Answer> {
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
    const text = response.status === 200 ? await textOf(response, signal) : ''
    return { status: response.status, text }
  } catch (error) {
    const shortage = shortageIn(error)
    if (shortage !== null) throw new NotAsked(shortage, { cause: error })
    throw NO_HTTP.has(codeOf(error)) ? new BadAnswer('an answer that is no HTTP', { cause: error }) : error
  } finally {
    // Closes the connection: what is left of the answer is not waited for.
    over.abort()
  }
}

/** Bun's codes for a head that cannot be read. */
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
