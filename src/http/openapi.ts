import { OPEN_READS } from './auth.ts'
import { EXAMPLES } from './openapi-examples.ts'
import { problemResponses, responseNameOf } from './openapi-problems.ts'
import { array, closed, type Json, type JsonObject, mapObject, object, Schemas } from './openapi-schemas.ts'
import { isTolerant } from './unknown-names.ts'

/*
 * @elysiajs/swagger writes the document from the routes' own schemas. That document is not valid OpenAPI 3.0.3: the rest of
 * a response's schema stands beside its content, every body comes in three media types, and constants and nulls are written
 * as in JSON Schema. This module corrects the document, gives shapes and errors their names, and adds the examples and which
 * operations need the key.
 */

const METHODS = ['get', 'put', 'post', 'delete', 'patch']

/** Failures of the entrance, which every operation may answer with; and of a body, for those that are sent one. */
const EVERYWHERE = ['400', '403', '500']
const WITH_BODY = ['413', '422', '429']

/**
 * What needs the key: nothing, because none is configured; everything that changes something; or everything but the open
 * reads.
 */
export type Keyed = 'optional' | 'changes' | 'everything'

/**
 * Makes the plugin's document (parsed JSON) valid. Throws if an operation has no example, or if two different shapes have
 * the same name.
 */
export function tidyDocument(document: unknown, keyed: Keyed): JsonObject {
  const source = object(document as Json)
  const schemas = new Schemas()
  const paths = mapObject(object(source.paths ?? {}), (item, path) =>
    mapObject(object(item), (operation, method) => {
      if (!METHODS.includes(method)) return operation
      const needsKey = keyed === 'everything' && !OPEN_READS.includes(path)
      const isStrict = !isTolerant(method.toUpperCase(), path)
      return tidyOperation(object(operation), { method, keyed, needsKey, isStrict, schemas })
    }),
  )
  const responses = problemResponses(schemas)
  const components = { ...object(source.components ?? {}), schemas: schemas.named(), responses }
  // Relative to the address of the document, so that it is right behind a reverse proxy that takes a prefix away.
  return { ...source, servers: [{ url: '..', description: 'This server' }], paths, components }
}

interface Place {
  readonly method: string
  readonly keyed: Keyed
  /** Whether the operation needs the key although it only reads. */
  readonly needsKey: boolean
  /** Whether the operation refuses what it does not know. */
  readonly isStrict: boolean
  readonly schemas: Schemas
}

function tidyOperation(operation: JsonObject, place: Place): JsonObject {
  const { method, keyed, needsKey, isStrict, schemas } = place
  const id = String(operation.operationId)
  const example = EXAMPLES[id]
  if (example === undefined) throw new Error(`operation ${id} has no example`)
  const { requestBody, parameters, responses: declared, ...rest } = operation
  const statuses = [
    ...Object.keys(object(declared ?? {})),
    ...EVERYWHERE,
    ...(needsKey ? ['401'] : []),
    ...(isStrict ? ['422'] : []),
    ...(method === 'get' ? [] : WITH_BODY),
  ]
  const responses = Object.fromEntries(
    [...new Set(statuses)].toSorted().map((status) => {
      const isProblem = Number(status) >= 400 && !(id === 'isReady' && status === '503')
      const answer = object(object(declared ?? {})[status] ?? {})
      return [status, isProblem ? problemReference(status) : tidyAnswer(answer, example.response, schemas)]
    }),
  )
  return {
    ...rest,
    ...(parameters === undefined
      ? {}
      : { parameters: array(parameters).map((each) => schemas.parameter(object(each))) }),
    ...(requestBody === undefined
      ? {}
      : { requestBody: tidyBody(object(requestBody), example.request as Json, place) }),
    responses,
    ...('401' in responses ? { security: keyed === 'optional' ? [{}, BEARER] : [BEARER] } : {}),
  }
}

const BEARER: JsonObject = { bearer: [] }

const problemReference = (status: string): JsonObject => ({
  $ref: `#/components/responses/${responseNameOf(Number(status))}`,
})

function tidyBody(body: JsonObject, example: Json, { isStrict, schemas }: Place): JsonObject {
  const shape = object(object(object(body.content ?? {})['application/json'] ?? {}).schema ?? {})
  const schema = isStrict ? closed(shape) : shape
  // A missing body counts as an empty object, so the body is required only if the schema requires a member.
  const required = array(schema.required ?? []).length > 0
  const description = schema.description ?? ''
  return { description, required, content: { 'application/json': { schema: schemas.tidy(schema), example } } }
}

/** The plugin puts the name and the description of an object beside its content. */
function tidyAnswer(answer: JsonObject, example: unknown, schemas: Schemas): JsonObject {
  const { title, description = '', 'x-answer': told = description } = answer
  const shape = object(object(Object.values(object(answer.content ?? {}))[0] ?? {}).schema ?? {})
  const schema = schemas.tidy({ ...shape, description, ...(title === undefined ? {} : { title }) })
  return { description: told, content: { [mediaOf(shape)]: { schema, example: example as Json } } }
}

/** Gives the media type of a response. Text is plain unless its schema names another type. */
function mediaOf({ type, 'x-media-type': media }: JsonObject): string {
  if (typeof media === 'string') return media
  return type === 'string' ? 'text/plain' : 'application/json'
}
