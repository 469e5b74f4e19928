/** The head of an HTTP/1.1 answer. Positions are in bytes from the start of the answer. */
export interface AnswerHead {
  readonly status: number
  readonly bodyStart: number
  readonly end: number
}

const HEAD_END = '\r\n\r\n'

/** Parses the head of an answer; null if it is not complete yet. Throws if the head does not give the body's length. */
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
