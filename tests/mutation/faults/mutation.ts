/** One way to break the code: a text that stands at exactly one place, and its replacement. */
export interface Mutation {
  /** The fault, stated as a fact. */
  readonly name: string
  /** A pattern (`../pattern.ts`) that matches exactly one place of `src`, or of the folder `within`. */
  readonly from: string
  /** The replacement. Its placeholders stand for the same names as in `from`. */
  readonly to: string
  /** A folder of `src`, for a pattern that also matches elsewhere. */
  readonly within?: string
}

/** A list of mutations. Each is written as the members of `Mutation` in their order. */
export const mutations = (
  list: readonly (readonly [name: string, from: string, to: string, within?: string])[],
): readonly Mutation[] =>
  list.map(([name, from, to, within]) => ({ name, from, to, ...(within === undefined ? {} : { within }) }))
