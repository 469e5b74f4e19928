/**
 * How many edits turn one text into the other. An edit inserts, leaves out or replaces one character, or swaps two
 * neighbours.
 */
export function edits(one: string, other: string): number {
  let before: number[] = []
  let above = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let row = 1; row <= one.length; row++) {
    const costs = [row]
    for (let at = 1; at <= other.length; at++) {
      const isSame = one[row - 1] === other[at - 1]
      const isSwapped = row > 1 && at > 1 && one[row - 1] === other[at - 2] && one[row - 2] === other[at - 1]
      costs[at] = Math.min(
        cost(above, at) + 1,
        cost(costs, at - 1) + 1,
        cost(above, at - 1) + (isSame ? 0 : 1),
        isSwapped ? cost(before, at - 2) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    before = above
    above = costs
  }
  return cost(above, other.length)
}

/** Whether `edits` is 1, without its table: a start compares every variable with every setting. */
export function isOneEditApart(one: string, other: string): boolean {
  if (one === other || Math.abs(one.length - other.length) > 1) return false
  let same = 0
  while (one[same] === other[same]) same++
  const rest = one.slice(same)
  const otherRest = other.slice(same)
  const isSwapped = one[same] === other[same + 1] && one[same + 1] === other[same]
  return (
    rest.slice(1) === otherRest.slice(1) ||
    rest.slice(1) === otherRest ||
    rest === otherRest.slice(1) ||
    (isSwapped && rest.slice(2) === otherRest.slice(2))
  )
}

/**
 * The name that is most probably meant by a word, whose case does not matter: the one with the fewest edits, at most a third
 * of the word.
 */
export function nearest<Name extends string>(word: string, names: readonly Name[]): Name | undefined {
  const most = Math.max(1, Math.floor(word.length / 3))
  const near = names.filter((name) => Math.abs(name.length - word.length) <= most)
  const [best] = near
    .map((name) => ({ name, apart: edits(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ apart }) => apart <= most)
    .toSorted((a, b) => a.apart - b.apart)
  return best?.name
}

const cost = (costs: readonly number[], at: number): number => costs[at] ?? Number.POSITIVE_INFINITY
