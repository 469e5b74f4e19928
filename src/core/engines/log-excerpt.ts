import { maskOf } from '../secrets.ts'

const LINES = 20
const LINE_LENGTH = 300

/**
 * The last lines of an engine's log, for people: at most 20 lines of at most 300 characters. Masks what looks like a secret,
 * and every one of the values in `secrets`.
 */
export function logExcerpt(text: string, secrets: readonly string[]): readonly string[] {
  const mask = maskOf(secrets)
  const lines = text.split('\n').map((line) => line.trimEnd())
  return lines
    .filter((line) => line !== '')
    .slice(-LINES)
    .map(mask)
    .map((line) => (line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH).toWellFormed()}…` : line))
}
