/** What the first lines of an HTTP/1.1 answer say; places are in bytes from its begin. */
export interface AnswerHead {
  readonly status: number
  readonly bodyStart: number
  readonly end: number
}

const HEAD_END = '\r\n\r\n'

/** The head of an answer when all of it is there, else null; throws where it does not tell the body's length. */
export function answerHead(received: Buffer): AnswerHead | null {
  const headEnd = received.indexOf(HEAD_END)
  if (headEnd < 0) return null
  const text = received.toString('latin1', 0, headEnd)
  const length = /^content-length: *(\d+)$/im.exec(text)?.[1]
  if (length === undefined) throw new Error(`an answer without its length:\n${text}`)
  const bodyStart = headEnd + HEAD_END.length
  return {
    status: Number(text.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)),
    bodyStart,
    end: bodyStart + Number(length),
  }
}
