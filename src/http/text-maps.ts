import { Kind, type TSchema, Type, TypeRegistry } from '@sinclair/typebox'
import { expectation } from './expectation.ts'
import { EVENT_VALUE, fits, KEY, type TextBounds, VALUE } from './texts.ts'

/*
 * Objects whose names the caller chooses and whose values are texts: labels and environments. JSON Schema can bound neither
 * the length of the names nor the total, and TypeBox ignores names that do not match a pattern. So these maps are a schema
 * kind of their own.
 */

const KIND = 'TextMap'

/** The number of entries of one map, and the number of characters of all its names and values together. */
const ENTRIES_MAX = 64
const TOTAL_MAX = 8_192

const textMap = (value: TextBounds, what: string) =>
  Type.Unsafe<Record<string, string>>({
    [Kind]: KIND,
    type: 'object',
    maxProperties: ENTRIES_MAX,
    additionalProperties: { type: 'string', ...value, description: 'A value' },
    description: `${what}. At most ${ENTRIES_MAX} entries and ${TOTAL_MAX} characters; a name has ${KEY.minLength} to ${KEY.maxLength}`,
  })

/** A request's labels. Values are texts, because a container knows nothing else. */
export const RequestLabels = textMap(VALUE, 'Labels of the container')

/** A request's environment, with the same bounds. */
export const RequestEnvironment = textMap(VALUE, 'Environment variables of the container')

/** What a proxy adds to its report of a stream. */
export const EventLabels = textMap(
  EVENT_VALUE,
  'What the proxy adds; `stream_id` is used as the id of the stream',
)

/** One error in a map: in the entry of this name, or in the whole map if the name is null. */
export interface MapFault {
  readonly name: string | null
  readonly msg: string
}

TypeRegistry.Set<TSchema>(KIND, (schema, value) => isMap(value) && faults(schema, value).next().done === true)

/**
 * Lists what is wrong with a map, at most `limit` errors. The list is empty if the value is no object, or the schema is not
 * that of a map (or of a map or null).
 */
export function mapFaults(schema: unknown, value: unknown, limit: number): readonly MapFault[] {
  const map = mapIn(schema as TSchema | undefined)
  return map === null || !isMap(value) ? [] : [...faults(map, value).take(limit)]
}

function mapIn(schema: TSchema | undefined): TSchema | null {
  const members: readonly TSchema[] = schema?.anyOf ?? (schema === undefined ? [] : [schema])
  return members.find((member) => member[Kind] === KIND) ?? null
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function* faults(
  { additionalProperties: bounds }: TSchema,
  map: Record<string, unknown>,
): Generator<MapFault> {
  const entries = Object.entries(map)
  if (entries.length > ENTRIES_MAX)
    yield { name: null, msg: `must be an object of at most ${ENTRIES_MAX} entries` }
  let total = 0
  for (const [name, value] of entries) {
    total += name.length
    if (!fits(name, KEY)) yield { name, msg: `its name must be ${expectation({ type: 'string', ...KEY })}` }
    if (typeof value === 'string') total += value.length
    if (typeof value !== 'string' || !fits(value, bounds))
      yield { name, msg: `must be ${expectation(bounds)}` }
  }
  if (total > TOTAL_MAX)
    yield {
      name: null,
      msg: `must be an object of at most ${TOTAL_MAX} characters, its names and values together`,
    }
}
