import { isDeepStrictEqual } from 'node:util'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

const INT32_MAX = 2 ** 31 - 1

/**
 * Writes schemas as OpenAPI 3.0 has them. A shape with a `title` is written once, under that name, and everywhere else there
 * is a reference to it.
 */
export class Schemas {
  readonly #named = new Map<string, JsonObject>()

  /** All named shapes so far, by their names in alphabetical order. */
  named(): JsonObject {
    return Object.fromEntries([...this.#named].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Throws if another shape has the same name. */
  tidy(schema: Json): JsonObject {
    const { title, ...shape } = object(schema)
    if (typeof title !== 'string') return this.#unnamed(shape)
    const tidy = this.#unnamed(shape)
    const known = this.#named.get(title) ?? tidy
    if (!isDeepStrictEqual(known, tidy)) throw new Error(`two shapes have the name ${title}`)
    this.#named.set(title, tidy)
    return { $ref: `#/components/schemas/${title}` }
  }

  /** A parameter; its description is its own, and not its schema's. */
  parameter({ schema = {}, ...parameter }: JsonObject): JsonObject {
    return { ...parameter, schema: this.tidy(schema) }
  }

  #unnamed(schema: JsonObject): JsonObject {
    const { 'x-shown': shown, 'x-answer': _answer, 'x-media-type': _media, description, ...rest } = schema
    const described = description === undefined ? {} : { description }
    if (shown !== undefined) return { ...this.#unnamed(object(shown)), ...described }
    return { ...this.#parts(rest), ...described }
  }

  /**
   * `const` becomes an enumeration of one value, and `patternProperties` those of any name. Elysia forbids members that a
   * shape does not know, in order to drop them; that is told of closed shapes only, because later answers will have more.
   */
  #parts({
    const: constant,
    anyOf,
    properties,
    items,
    'x-closed': isClosed,
    ...schema
  }: JsonObject): JsonObject {
    const { patternProperties = {}, additionalProperties = false, ...rest } = schema
    const values = Object.values(object(patternProperties))[0] ?? additionalProperties
    const more = isObject(values) ? values : undefined
    return {
      ...rest,
      ...(rest.type === 'integer' ? { format: integerFormat(rest.maximum) } : {}),
      ...(constant === undefined ? {} : { enum: [constant] }),
      ...(properties === undefined
        ? {}
        : { properties: mapObject(object(properties), (each) => this.tidy(each)) }),
      ...(items === undefined ? {} : { items: this.tidy(items) }),
      ...(more === undefined ? {} : { additionalProperties: this.tidy(more) }),
      ...(isClosed === true ? { additionalProperties: false } : {}),
      ...(anyOf === undefined ? {} : this.#union(array(anyOf))),
    }
  }

  /** The type null becomes `nullable`, and a union of constants an enumeration. */
  #union(members: readonly Json[]): JsonObject {
    const isNull = (member: Json): boolean => object(member).type === 'null'
    const nullable = members.some(isNull) ? { nullable: true } : {}
    const others = members.filter((member) => !isNull(member)).map((member) => this.tidy(member))
    const constants = others.flatMap((member) =>
      Array.isArray(member.enum) && member.enum.length === 1 ? member.enum : [],
    )
    if (constants.length === others.length) return { type: 'string', enum: constants, ...nullable }
    const [only, ...more] = others
    if (only === undefined || more.length > 0) return { anyOf: others, ...nullable }
    // Whatever stands beside a reference is ignored.
    return '$ref' in only ? { allOf: [only], ...nullable } : { ...only, ...nullable }
  }
}

/** The same shape, closed: neither it nor the objects in it may have a member that it does not name. Maps may. */
export function closed({ properties, anyOf, ...schema }: JsonObject): JsonObject {
  return {
    ...schema,
    ...(properties === undefined
      ? {}
      : { 'x-closed': true, properties: mapObject(object(properties), (each) => closed(object(each))) }),
    ...(anyOf === undefined ? {} : { anyOf: array(anyOf).map((each) => closed(object(each))) }),
  }
}

const integerFormat = (maximum: Json | undefined): string =>
  typeof maximum === 'number' && maximum <= INT32_MAX ? 'int32' : 'int64'

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Throws if it is none. */
export function object(value: Json): JsonObject {
  if (!isObject(value)) throw new Error('not an object')
  return value
}

export const array = (value: Json): Json[] => (Array.isArray(value) ? value : [])

export const mapObject = (value: JsonObject, change: (member: Json, key: string) => Json): JsonObject =>
  Object.fromEntries(Object.entries(value).map(([key, member]) => [key, change(member, key)]))
