/** `skipped`: it could not be checked, and the message says why. */
export type RowStatus = 'ok' | 'warning' | 'fault' | 'skipped'

/** One result of the doctor. */
export interface Row {
  /** What was checked: a word that programs may rely on. */
  readonly check: string
  readonly status: RowStatus
  /** What was found, as a sentence without its full stop. */
  readonly message: string
  /** What to do about a warning or a fault, in the same form; null for the others. */
  readonly remedy: string | null
}

export const ok = (check: string, message: string): Row => ({ check, status: 'ok', message, remedy: null })

export const skipped = (check: string, message: string): Row => ({
  check,
  status: 'skipped',
  message,
  remedy: null,
})

export const warning = (check: string, message: string, remedy: string): Row => ({
  check,
  status: 'warning',
  message,
  remedy,
})

export const fault = (check: string, message: string, remedy: string): Row => ({
  check,
  status: 'fault',
  message,
  remedy,
})

/** What came of a question to Docker. */
export type Asked<T> =
  | { readonly kind: 'answer'; readonly value: T }
  /** Docker says that there is no such thing. */
  | { readonly kind: 'missing' }
  /** Something in front of Docker, or Docker itself, does not allow the question. */
  | { readonly kind: 'forbidden' }
  /** There was no answer; `why` is a sentence, often with what to do behind a colon. */
  | { readonly kind: 'failed'; readonly why: string }

/** The row for a question that was not answered. A missing thing has its own row, so it is not expected here. */
export function unanswered(check: string, asked: Exclude<Asked<unknown>, { readonly kind: 'answer' }>): Row {
  if (asked.kind === 'forbidden') return skipped(check, 'a proxy in front of Docker forbids the question')
  return skipped(check, asked.kind === 'failed' ? 'Docker did not answer' : 'Docker does not know it')
}

/** Splits a sentence into what is the case and what to do, which follows a colon. */
export function inParts(sentence: string, remedy: string): readonly [message: string, remedy: string] {
  const text = sentence.replace(/\.$/, '')
  const at = text.lastIndexOf(': ')
  return at < 0 ? [text, remedy] : [text.slice(0, at), text.slice(at + 2)]
}

export const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
