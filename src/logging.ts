import { type DestinationStream, pino, stdSerializers } from 'pino'

/**
 * The maximum number of characters of one text in a line, and of items of one list. The rest is left out, and the line says
 * so.
 */
const TEXT_MAX = 4_096
const ITEMS_MAX = 32

/**
 * A logger of JSON lines, by default on standard output. It uses no transports, because those do not run in a compiled
 * binary. Long values are cut, because callers and engines control some of them.
 */
export const createLog = (level: string, destination?: DestinationStream) =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: cutMembers },
      serializers: { err: (error: Error) => cutMembers(stdSerializers.err(error)) },
      hooks: {
        logMethod(args, method) {
          const [fields, message] = args
          method.call(this, fields, typeof message === 'string' ? cutText(message) : message)
        },
      },
    },
    ...(destination === undefined ? [] : [destination]),
  )

/** Cuts the long values among the fields. Errors are left to their serializer. */
const cutMembers = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, cut(value)]))

function cut(value: unknown): unknown {
  if (typeof value === 'string') return cutText(value)
  if (!Array.isArray(value)) return value
  const items = value.slice(0, ITEMS_MAX).map(cut)
  return value.length > ITEMS_MAX ? [...items, `and ${value.length - ITEMS_MAX} more`] : items
}

const cutText = (text: string): string =>
  text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}… (${text.length} characters)` : text
