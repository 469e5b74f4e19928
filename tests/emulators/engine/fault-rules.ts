/** A field of a fault request is not valid. The message names the field and says what is expected. */
export class FaultError extends Error {
  override readonly name = 'FaultError'
}

/** The valid values of a field. `expected` describes them in words, after "expected". */
export interface Rule<T> {
  readonly check: (value: unknown) => value is T
  readonly expected: string
}

/** A rule for each field of `F`. A fault without a rule does not compile. */
export type Rules<F> = { readonly [Name in keyof F]: Rule<F[Name]> }

/** The rule for a fault that is on or off. */
export const flag: Rule<boolean> = {
  check: (value): value is boolean => typeof value === 'boolean',
  expected: 'true or false',
}

/**
 * Returns `current` with the fields of `input` replaced. Other fields stay unchanged.
 *
 * @throws {FaultError} if `input` is not an object, has an unknown field or a value out of range.
 */
export function mergeByRules<F extends object>(rules: Rules<F>, current: F, input: unknown): F {
  if (!isRecord(input)) throw new FaultError('the body must be a JSON object')
  const isFaultName = (name: string): name is keyof F & string => Object.hasOwn(rules, name)
  for (const [name, value] of Object.entries(input)) {
    if (!isFaultName(name)) throw new FaultError(`${name}: unknown field`)
    if (!rules[name].check(value)) throw new FaultError(`${name}: expected ${rules[name].expected}`)
  }
  return { ...current, ...input }
}

/** Whether a value is a whole number that JSON can carry exactly. */
export const isWhole = (value: unknown): value is number => Number.isSafeInteger(value)

/** Whether a value is a JSON object. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
