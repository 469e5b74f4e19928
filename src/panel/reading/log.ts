import type { LogLine } from '../api/log-parser.ts'

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric' })
const EXACT = new Intl.DateTimeFormat('en-GB', {
  ...{ day: '2-digit', month: '2-digit', year: 'numeric' },
  ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 },
  timeZoneName: 'short',
})

/** When a line was written, as people read it, in their time. */
export const clockOf = (atMs: number): string => CLOCK.format(atMs)
export const dayOf = (atMs: number): string => DAY.format(atMs)
export const exactOf = (atMs: number): string => EXACT.format(atMs)

/** The lines with a text in them, in small letters or capitals; all of them for an empty text. */
export function found<Line extends Pick<LogLine, 'text'>>(
  lines: readonly Line[],
  wanted: string,
): readonly Line[] {
  if (wanted === '') return lines
  const small = wanted.toLowerCase()
  return lines.filter(({ text }) => text.toLowerCase().includes(small))
}

/** A part of a line; `isHit`: it is what is looked for. */
export interface Part {
  readonly text: string
  readonly isHit: boolean
}

/** The parts of a line, in their order. */
export function partsOf(text: string, wanted: string): readonly Part[] {
  const small = text.toLowerCase()
  // A few letters have another length in small: then the places would not be those of the text.
  if (wanted === '' || small.length !== text.length) return [{ text, isHit: false }]
  const parts: Part[] = []
  let from = 0
  for (
    let at = small.indexOf(wanted.toLowerCase());
    at >= 0;
    at = small.indexOf(wanted.toLowerCase(), from)
  ) {
    parts.push({ text: text.slice(from, at), isHit: false })
    from = at + wanted.length
    parts.push({ text: text.slice(at, from), isHit: true })
  }
  parts.push({ text: text.slice(from), isHit: false })
  return parts.filter((part) => part.text !== '')
}
