/** Members of a line that have a place of their own in its text. */
interface Line {
  readonly level: string
  readonly time: string
  readonly msg?: string
  readonly err?: { readonly stack?: string; readonly message?: string }
  readonly [member: string]: unknown
}

/**
 * Characters that do not show themselves: they could begin a line that nobody wrote, or make a terminal show something else
 * than what there is.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** The text with every such character as its number, such as `\x1b`. */
const escaped = (text: string): string =>
  text.replaceAll(UNSEEN, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })

/** Makes the line for people of a line in JSON: local time, level, message, and the other members behind it. */
export function textLine(json: string): string {
  const { level, time, msg = '', err, ...rest } = JSON.parse(json) as Line
  const members = Object.entries(rest).map(([name, value]) => `${escaped(name)}=${shown(value)}`)
  const head = [localTime(new Date(time)), level.toUpperCase().padEnd(5), escaped(msg), ...members].join(' ')
  return `${head}\n${err === undefined ? '' : stackText(err.stack ?? err.message ?? '')}`
}

/** The stack in lines that are indented, so that none looks like one of the log. */
const stackText = (stack: string): string =>
  stack
    .split('\n')
    .map((line) => `    ${escaped(line)}\n`)
    .join('')

/** A value as it is if nothing in it could be taken for something else, otherwise as JSON. */
function shown(value: unknown): string {
  const text = typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value)
  return escaped(text)
}

/** The local time as `2026-05-04 13:02:01.005`. */
function localTime(time: Date): string {
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-')
  const clock = [two(time.getHours()), two(time.getMinutes()), two(time.getSeconds())].join(':')
  return `${date} ${clock}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

const two = (number: number): string => String(number).padStart(2, '0')
