import { OPEN_READS } from './auth.ts'
import { EXAMPLES } from './openapi-examples.ts'
import { Problem } from './problems.ts'

/*
 * @elysiajs/swagger writes the document from the routes' own schemas. That document is not valid OpenAPI 3.0.3: the rest of
 * a response's schema stands beside its content, every body comes in three media types, and constants and nulls are written
 * as in JSON Schema. This module corrects the document, and adds the examples and which operations need the key.
 */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type JsonObject = { [key: string]: Json }

const METHODS = ['get', 'put', 'post', 'delete', 'patch']

/**
 * What needs the key: nothing, because none is configured; everything that changes something; or everything but the open
 * reads.
 */
export type Keyed = 'optional' | 'changes' | 'everything'

/** Makes the plugin's document (parsed JSON) valid. Throws if an operation has no example. */
export function tidyDocument(document: unknown, keyed: Keyed): JsonObject {
  const source = object(document as Json)
  const paths = mapObject(object(source.paths ?? {}), (item, path) =>
    mapObject(object(item), (operation, method) => {
      if (!METHODS.includes(method)) return operation
      const isOpen = keyed !== 'everything' || OPEN_READS.includes(path)
      return tidyOperation(isOpen ? object(operation) : withKey(object(operation)), keyed)
    }),
  )
  return { ...source, paths }
}

/** Adds the answers 401 and 403 to a read that needs the key. */
function withKey(operation: JsonObject): JsonObject {
  const refusal = { content: { 'application/json': { schema: { ...Problem } as unknown as Json } } }
  return { ...operation, responses: { ...object(operation.responses ?? {}), 401: refusal, 403: refusal } }
}

function tidyOperation(operation: JsonObject, keyed: Keyed): JsonObject {
  const id = String(operation.operationId)
  const example = EXAMPLES[id]
  if (example === undefined) throw new Error(`operation ${id} has no example`)
  const responses = mapObject(object(operation.responses ?? {}), (response, status) =>
    tidyResponse(object(response), status, id),
  )
  const { requestBody, parameters, ...rest } = operation
  return {
    ...rest,
    ...(parameters === undefined ? {} : { parameters: array(parameters).map((each) => tidySchema(each)) }),
    ...(requestBody === undefined
      ? {}
      : { requestBody: tidyBody(object(requestBody), example.request as Json) }),
    responses,
    ...('401' in responses ? { security: keyed === 'optional' ? [{}, BEARER] : [BEARER] } : {}),
  }
}

const BEARER: JsonObject = { bearer: [] }

function tidyBody(body: JsonObject, example: Json): JsonObject {
  const schema = object(object(body.content ?? {})['application/json'] ?? {}).schema ?? {}
  // A missing body counts as an empty object, so the body is required only if the schema requires a member.
  const required = array(object(schema).required ?? []).length > 0
  return { required, content: { 'application/json': { schema: tidySchema(schema), example } } }
}

function tidyResponse(response: JsonObject, status: string, operationId: string): JsonObject {
  const schema = tidySchema(object(Object.values(object(response.content ?? {}))[0] ?? {}).schema ?? {})
  const isProblem = Number(status) >= 400 && operationId !== 'isReady'
  const media = isProblem ? 'application/problem+json' : mediaOf(object(schema))
  const example = status === '200' ? { example: EXAMPLES[operationId]?.response as Json } : {}
  return {
    description: response.description ?? DESCRIPTIONS[status] ?? 'Failure',
    content: { [media]: { schema, ...example } },
    ...((status === '503' || status === '429') && isProblem ? { headers: RETRY_AFTER } : {}),
  }
}

/** Gives the media type of a response. Text is plain unless its schema names another type. */
function mediaOf({ type, 'x-media-type': media }: JsonObject): string {
  if (typeof media === 'string') return media
  return type === 'string' ? 'text/plain' : 'application/json'
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  401: 'The bearer token is missing',
  403: 'The bearer token is wrong, or the host, the origin or the image is not allowed',
  404: 'Nothing of ours has this id',
  413: 'The body is too large',
  422: 'The request is invalid; the first ten fields at fault are named',
  429: 'Too many bodies are being read',
  500: 'A failure that waiting does not mend; it says what to do',
  503: 'Not possible now; it says why and when to come back',
}

const RETRY_AFTER: JsonObject = {
  'Retry-After': { description: 'Seconds until it is worth asking again', schema: { type: 'integer' } },
}

/** Rewrites what OpenAPI 3.0 lacks: `const` becomes an enumeration of one value, and the type null becomes `nullable`. */
function tidySchema(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(tidySchema)
  if (schema === null || typeof schema !== 'object') return schema
  const { const: constant, anyOf, patternProperties, ...rest } = schema
  const tidy = mapObject(rest, (value, key) =>
    key === 'example' || key === 'enum' ? value : tidySchema(value),
  )
  if (constant !== undefined) return { ...tidy, enum: [constant] }
  if (patternProperties !== undefined) {
    return { ...tidy, additionalProperties: tidySchema(Object.values(object(patternProperties))[0] ?? {}) }
  }
  return anyOf === undefined ? tidy : { ...tidy, ...tidyUnion(array(anyOf)) }
}

function tidyUnion(members: readonly Json[]): JsonObject {
  const isNull = (member: Json): boolean => object(member).type === 'null'
  const nullable = members.some(isNull) ? { nullable: true } : {}
  const others = members.filter((member) => !isNull(member)).map((member) => object(tidySchema(member)))
  const constants = others.flatMap((member) => (Array.isArray(member.enum) ? member.enum : []))
  if (constants.length === others.length) return { type: 'string', enum: constants, ...nullable }
  const [only, ...more] = others
  return only !== undefined && more.length === 0 ? { ...only, ...nullable } : { anyOf: others, ...nullable }
}

const object = (value: Json): JsonObject => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('not an object')
  return value
}
const array = (value: Json): Json[] => (Array.isArray(value) ? value : [])
const mapObject = (value: JsonObject, change: (member: Json, key: string) => Json): JsonObject =>
  Object.fromEntries(Object.entries(value).map(([key, member]) => [key, change(member, key)]))
