/** A value that can be written as JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/**
 * Prints JSON like the engine's Python, with a space after each colon and comma. Health checks in use search for `"error":
 * null`, so the spacing is part of the protocol.
 */
export function printJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(printJson).join(', ')}]`
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}: ${printJson(member)}`,
  )
  return `{${members.join(', ')}}`
}

// `Array.isArray` alone does not narrow a readonly array.
const isList = (value: object): value is readonly Json[] => Array.isArray(value)
