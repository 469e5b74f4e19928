/** One way to break the code: what stands at exactly one place, and what takes its place. */
export interface Mutation {
  /** The fault, told as a fact. */
  readonly name: string
  /** A pattern (`../pattern.ts`) that fits exactly one place of `src`, or of the folder `within`. */
  readonly from: string
  /** What is put there; placeholders stand for what they stand for in `from`. */
  readonly to: string
  /** A folder of `src`, for a pattern that fits elsewhere too. */
  readonly within?: string
}

/** A list of mutations, each written as what `Mutation` has in its order. */
export const mutations = (
  list: readonly (readonly [name: string, from: string, to: string, within?: string])[],
): readonly Mutation[] =>
  list.map(([name, from, to, within]) => ({ name, from, to, ...(within === undefined ? {} : { within }) }))
