import { type DestinationStream, pino, stdSerializers } from 'pino'
import { MASK, type Mask } from './core/secrets.ts'
import { textLine } from './log-text.ts'

/**
 * The maximum number of characters of one text in a line, of items of one list, and of levels of one value. The rest is left
 * out, and the line says so.
 */
const TEXT_MAX = 4_096
const ITEMS_MAX = 32
const DEPTH_MAX = 6

/** `text`: lines for people, in local time. `json`: one JSON object per line. */
export type LogForm = 'text' | 'json'

export interface LogOptions {
  readonly level: string
  readonly form: LogForm
  /** Is applied to every text of a line. */
  readonly mask: Mask
}

/**
 * A logger, by default on standard output. It uses no transports, because those do not run in a compiled binary. Long values
 * are cut, because callers and engines control some of them, and secrets are masked.
 */
export function createLog({ level, form, mask }: LogOptions, destination?: DestinationStream) {
  const fit = fitting(mask)
  const to = destination ?? pino.destination({ fd: 1, sync: true })
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: fit.members },
      serializers: { err: (error: Error) => fit.members(stdSerializers.err(error)) },
      hooks: {
        logMethod(args, method) {
          const [fields, message] = args
          method.call(this, fields, typeof message === 'string' ? fit.text(message) : message)
        },
      },
    },
    form === 'json' ? to : { write: (line: string) => void to.write(textLine(line)) },
  )
}

/** Names of members whose values are secret whatever they are. The key of a stream is none. */
const SECRET_MEMBER = /token|passw|secret|authorization|api_?key|credential|cookie/i

/** Returns what cuts and masks values for a line. Errors are left to their serializer. */
function fitting(mask: Mask) {
  const text = (given: string): string => {
    // A secret at the cut would be left in part, so the mask goes first; and its work is bounded, too.
    const masked = mask(given.slice(0, 2 * TEXT_MAX))
    const isLong = given.length > TEXT_MAX
    return isLong ? `${masked.slice(0, TEXT_MAX)}… (${given.length} characters)` : masked
  }
  const value = (given: unknown, depth: number): unknown => {
    if (typeof given === 'string') return text(given)
    if (typeof given !== 'object' || given === null || given instanceof Error) return given
    if (depth >= DEPTH_MAX) return '…'
    if (!Array.isArray(given)) return isPlain(given) ? members(given, depth + 1) : given
    const items = given.slice(0, ITEMS_MAX).map((item) => value(item, depth + 1))
    return given.length > ITEMS_MAX ? [...items, `and ${given.length - ITEMS_MAX} more`] : items
  }
  const members = (fields: object, depth = 0): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(fields).map(([name, given]) => [
        name,
        typeof given === 'string' && SECRET_MEMBER.test(name) ? MASK : value(given, depth),
      ]),
    )
  return { text, members: (fields: object) => members(fields) }
}

function isPlain(given: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(given)
  return prototype === Object.prototype || prototype === null
}
