import type { Mask } from '../core/secrets.ts'

const ESC = String.fromCharCode(0x1b)
const BEL = String.fromCharCode(0x07)

/**
 * The sequences that a terminal takes for colours, movements and titles (ECMA-48). They are taken out whole, because without
 * its first character the rest of a sequence is text.
 */
const SEQUENCES = new RegExp(
  [
    `${ESC}\\[[0-?]*[ -/]*[@-~]`,
    `${ESC}[\\]PX^_][^${ESC}${BEL}\\n]*(?:${BEL}|${ESC}\\\\)?`,
    `${ESC}[ -/]*[0-~]`,
  ].join('|'),
  'g',
)

/** Leaves out colours and whatever else a program tells a terminal. */
export function withoutSequences(text: string): string {
  return text.replace(SEQUENCES, '')
}

/** Makes a log fit to be shown: without terminal sequences and control characters except newline and tab, and well-formed. */
export function plainLog(text: string): string {
  return withoutSequences(text)
    .replace(/[\p{Cc}--[\n\t]]/gv, '')
    .toWellFormed()
}

/**
 * The log as `plainLog` makes it, masked. If it has more than `maxBytes` as UTF-8, the newest remain, from the start of a
 * line if there is one.
 */
export function logText(text: string, maxBytes: number, mask: Mask = (plain) => plain): string {
  const shown = mask(plainLog(text))
  const bytes = Buffer.from(shown)
  if (bytes.length <= maxBytes) return shown
  let from = bytes.length - maxBytes
  while (isWithinCharacter(bytes[from])) from++
  const lineStart = bytes.indexOf('\n', from - 1) + 1
  const start = lineStart > 0 && lineStart < bytes.length ? lineStart : from
  return bytes.toString('utf8', start)
}

/** Whether a byte continues a character of UTF-8. */
function isWithinCharacter(byte: number | undefined): boolean {
  return byte !== undefined && byte >> 6 === 0b10
}
