/** Puts what is named in the API document at each place that refers to it, for docs/API.md. */

interface JsonObject {
  readonly [key: string]: unknown
}

/**
 * A copy of a document without references. Throws if one leads nowhere. A reference that may be null is written as `allOf`;
 * its own description counts there.
 */
export const expanded = <Document extends object>(document: Document): Document =>
  expand(document as unknown as JsonObject, document) as Document

function expand(root: JsonObject, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => expand(root, each))
  if (!isObject(value)) return value
  if (typeof value.$ref === 'string') return expand(root, targetOf(root, value.$ref))
  const { allOf, ...rest } = value
  const parts = Array.isArray(allOf) ? allOf.map((each) => expand(root, each)) : []
  const own = Object.entries(rest).map(([name, each]) => [name, expand(root, each)])
  return Object.assign({}, ...parts, Object.fromEntries(own))
}

function targetOf(root: JsonObject, reference: string): unknown {
  let found: unknown = root
  for (const name of reference.slice(2).split('/')) found = isObject(found) ? found[name] : undefined
  if (found === undefined) throw new Error(`${reference} leads nowhere`)
  return found
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
