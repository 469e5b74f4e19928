/* The API document as tests read it: its parts, where its references lead, and what does not fit a schema. */

/** A schema of OpenAPI 3.0, as far as the document uses it. */
export interface DocSchema {
  readonly $ref?: string
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly description?: string
  readonly nullable?: boolean
  readonly format?: string
  readonly pattern?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly DocSchema[]
  readonly allOf?: readonly DocSchema[]
  readonly items?: DocSchema
  readonly properties?: Readonly<Record<string, DocSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: DocSchema | false
  readonly maxProperties?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
}

interface DocContent {
  readonly schema: DocSchema
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>
}

export interface DocResponse {
  readonly $ref?: string
  readonly description: string
  readonly content: Readonly<Record<string, DocContent>>
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: DocSchema }>>
}

interface DocParameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly description?: string
  readonly schema: DocSchema
}

interface DocOperation {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly DocParameter[]
  readonly requestBody?: {
    readonly description?: string
    readonly required: boolean
    readonly content: Readonly<Record<string, DocContent>>
  }
  readonly responses: Readonly<Record<string, DocResponse>>
}

export interface ApiDocument {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly tags: readonly { readonly name: string; readonly description?: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocOperation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, DocSchema>>
    readonly responses: Readonly<Record<string, DocResponse>>
    readonly securitySchemes: Readonly<Record<string, { readonly description?: string }>>
  }
}

/** The operations that pass over parameters and members that they do not know. */
export const TOLERANT = [
  'POST /provision/acestream',
  'POST /events/stream_started',
  'POST /events/stream_ended',
  'GET /engines',
  'GET /streams',
  'GET /orchestrator/status',
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
]

/** All operations, each with its method and path. */
export const operationsOf = ({ paths }: ApiDocument) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, ...operation })),
  )

/** What a reference leads to, or the thing itself. Throws if it leads nowhere. */
export function resolved<T extends { readonly $ref?: string }>(document: ApiDocument, thing: T): T {
  if (thing.$ref === undefined) return thing
  let found: unknown = document
  for (const name of thing.$ref.replace(/^#\//, '').split('/')) {
    found = (found as Record<string, unknown>)[name]
    if (found === undefined) throw new Error(`${thing.$ref} leads nowhere`)
  }
  return found as T
}

/**
 * Says where a value does not fit a schema, by its path; an empty list if it fits. A member that the schema does not know is
 * a fault, too.
 */
export function misfits(document: ApiDocument, given: DocSchema, value: unknown, at = '$'): string[] {
  const schema = resolved(document, given)
  const { type, allOf, anyOf } = schema
  if (value === null && (schema.nullable || type === undefined) && anyOf === undefined) return []
  if (allOf !== undefined) return allOf.flatMap((each) => misfits(document, each, value, at))
  if (anyOf !== undefined) {
    const tries = anyOf.map((each) => misfits(document, each, value, at))
    return tries.some((each) => each.length === 0) ? [] : tries.flat()
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at}: ${JSON.stringify(value)}`]
  if (type === 'array') {
    if (!Array.isArray(value)) return [`${at}: no array`]
    return value.flatMap((each, index) => misfits(document, schema.items ?? {}, each, `${at}[${index}]`))
  }
  if (type === 'object') return objectMisfits(document, schema, value, at)
  return isScalar(schema, value) ? [] : [`${at}: ${JSON.stringify(value)} is no ${type}`]
}

function objectMisfits(document: ApiDocument, schema: DocSchema, value: unknown, at: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at}: no object`]
  const { properties = {}, required = [], additionalProperties } = schema
  const missing = required.filter((name) => !(name in value)).map((name) => `${at}.${name} is missing`)
  const wrong = Object.entries(value).flatMap(([name, member]) => {
    const of = properties[name] ?? (additionalProperties || undefined)
    return of === undefined
      ? [`${at}.${name} is not declared`]
      : misfits(document, of, member, `${at}.${name}`)
  })
  return [...missing, ...wrong]
}

function isScalar({ type, minimum, maximum, format, pattern }: DocSchema, value: unknown): boolean {
  if (type === undefined) return true
  if (type === 'integer' || type === 'number') {
    if (typeof value !== 'number' || (type === 'integer' && !Number.isInteger(value))) return false
    return value >= (minimum ?? value) && value <= (maximum ?? value)
  }
  if (typeof value !== type) return false
  if (format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value))) return false
  return pattern === undefined || new RegExp(pattern).test(String(value))
}
