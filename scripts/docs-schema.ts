/** Puts JSON schemas into words, for docs/API.md. */
import { item } from './docs-text.ts'

/** The parts of a schema that the API document uses. */
export interface Schema {
  readonly type?: string
  readonly format?: string
  readonly description?: string
  readonly nullable?: boolean
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly 'x-expected'?: string
}

/** A shape with fewer members is described again at each place. */
const MEMBERS_SHARED_MIN = 5

/** Longer lists of words are not spelled out; the API document has them. */
const WORDS_SHOWN = 12

/** Says in a few words what a value is. */
export function typeOf(schema: Schema): string {
  const kind = kindOf(schema)
  return schema.nullable === true ? `${kind}, or null` : kind
}

function kindOf(schema: Schema): string {
  const { type, anyOf, items, 'x-expected': expected } = schema
  if (expected !== undefined) return expected
  if (schema.enum !== undefined && schema.enum.length > WORDS_SHOWN)
    return `one of ${schema.enum.length} words`
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(' or ')
  if (anyOf !== undefined) return anyOf.map(typeOf).join(', or ')
  if (type === 'array')
    return `array${most(schema.maxItems, 'items')} of ${items === undefined ? 'anything' : plural(items)}`
  if (type === 'string') return textOf(schema)
  if (type === 'integer' || type === 'number') return `${type}${range(schema)}`
  return type ?? 'anything'
}

const most = (max: number | undefined, what: string): string =>
  max === undefined ? '' : ` of at most ${max} ${what},`

const plural = (schema: Schema): string =>
  /^\w+$/.test(typeOf(schema)) ? `${typeOf(schema)}s` : typeOf(schema)

function textOf({ format, minLength = 0, maxLength }: Schema): string {
  if (format === 'date-time') return 'time'
  return maxLength === undefined ? 'text' : `text of ${minLength} to ${maxLength} characters`
}

function range({ minimum, maximum }: Schema): string {
  if (minimum === undefined) return maximum === undefined ? '' : ` of at most ${maximum}`
  return maximum === undefined ? ` of at least ${minimum}` : ` from ${minimum} to ${maximum}`
}

/**
 * Lists the members of an object, or of the objects in an array, one item each. `sharedWith` returns the place that already
 * describes a shape, or null.
 */
export function membersOf(
  schema: Schema,
  depth: number,
  sharedWith: (shape: string) => string | null,
): string[] {
  const { properties, items, anyOf, additionalProperties } = schema
  if (items !== undefined) return membersOf(items, depth, sharedWith)
  if (anyOf !== undefined) return anyOf.flatMap((each) => membersOf(each, depth, sharedWith))
  if (properties === undefined) {
    // There is nothing more to say about an object with any values.
    if (typeof additionalProperties !== 'object' || Object.keys(additionalProperties).length === 0) return []
    const values = membersOf(additionalProperties, depth + 1, sharedWith)
    return [item(`by name: ${typeOf(additionalProperties)}`, depth), ...values]
  }
  const members = Object.entries(properties)
  const place = members.length < MEMBERS_SHARED_MIN ? null : sharedWith(JSON.stringify({ properties }))
  if (place !== null) return [item(`the members that ${place} has`, depth)]
  return members.flatMap(([name, member]) => [
    item(memberText(name, member, schema.required?.includes(name) === true), depth),
    ...membersOf(member, depth + 1, sharedWith),
  ])
}

function memberText(name: string, member: Schema, isRequired: boolean): string {
  const need = isRequired ? '' : ', may be missing'
  const meaning = member.description === undefined ? '' : `: ${member.description}`
  return `\`${name}\` (${typeOf(member)}${need})${meaning}`
}
