/** The names by which a caller may refer to a container. */
export interface Names {
  /** Texts that must match as a whole: the container's name, an id of ours. */
  readonly exact: readonly string[]
  /** The container's id at the container engine; its first characters are enough. Null before the container has one. */
  readonly containerId: string | null
}

/**
 * What a text refers to. `short`: the first characters of an id, but too few. `ambiguous`: the first characters of several
 * ids.
 */
export type Reference<T> =
  | { readonly kind: 'one'; readonly value: T }
  | { readonly kind: 'none' | 'short' | 'ambiguous' }

/** The length of the short ids that Docker shows to people. */
export const ID_CHARACTERS_MIN = 12

/**
 * Finds the thing in `things` that a text refers to: the one whose whole id it is, else the one that has it as a name, else
 * the only one whose id begins with it. Names come before parts of ids, because a name may look like the first characters of
 * an id.
 */
export function referred<T>(things: readonly T[], text: string, namesOf: (thing: T) => Names): Reference<T> {
  const whole =
    things.find((thing) => namesOf(thing).containerId === text) ??
    things.find((thing) => namesOf(thing).exact.includes(text))
  if (whole !== undefined) return { kind: 'one', value: whole }
  if (!/^[0-9a-z]+$/.test(text)) return { kind: 'none' }
  const [first, ...others] = things.filter((thing) => namesOf(thing).containerId?.startsWith(text))
  if (first === undefined) return { kind: 'none' }
  if (text.length < ID_CHARACTERS_MIN) return { kind: 'short' }
  return others.length === 0 ? { kind: 'one', value: first } : { kind: 'ambiguous' }
}
