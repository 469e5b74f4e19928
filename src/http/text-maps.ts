import { Kind, type TSchema, Type, TypeRegistry } from '@sinclair/typebox'
import { expectation } from './expectation.ts'
import { EVENT_VALUE, fits, KEY, type TextBounds, VALUE } from './texts.ts'

/*
 * Objects with names that the caller chooses and texts behind them: labels, environments. JSON Schema can neither bound the
 * names nor the sum, and TypeBox leaves out what does not match a pattern of names; so they are a kind of schema of their own.
 */

const KIND = 'TextMap'

/** Entries of one map, and characters of all its names and values together. */
const ENTRIES_MAX = 64
const TOTAL_MAX = 8_192

const textMap = (value: TextBounds) =>
  Type.Unsafe<Record<string, string>>({
    [Kind]: KIND,
    type: 'object',
    maxProperties: ENTRIES_MAX,
    additionalProperties: { type: 'string', ...value },
    description: `At most ${ENTRIES_MAX} entries and ${TOTAL_MAX} characters; a name has ${KEY.minLength} to ${KEY.maxLength}`,
  })

/** A request's labels or environment: text only, since a container knows nothing else. */
export const RequestMap = textMap(VALUE)

/** What a proxy says of a stream besides. */
export const EventLabels = textMap(EVENT_VALUE)

/** One thing that is wrong with a map: of the entry of this name, or, where that is null, of the whole. */
export interface MapFault {
  readonly name: string | null
  readonly msg: string
}

TypeRegistry.Set<TSchema>(KIND, (schema, value) => isMap(value) && faults(schema, value).next().done === true)

/** What is wrong with a map, the first so many; none for what is no object, or a schema that is none of a map (or null). */
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
