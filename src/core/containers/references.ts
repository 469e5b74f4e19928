/** What a caller may name a container by. */
export interface Names {
  /** Texts that name it as a whole: its name, an id of ours. */
  readonly exact: readonly string[]
  /** Its id at the container engine, of which the beginning will do; null before it has one. */
  readonly containerId: string | null
}

/** What a text names: `short` is the beginning of an id and too little of it, `ambiguous` that of several. */
export type Reference<T> =
  | { readonly kind: 'one'; readonly value: T }
  | { readonly kind: 'none' | 'short' | 'ambiguous' }

/** As many characters of an id as people are shown. */
export const ID_CHARACTERS_MIN = 12

/**
 * Which of `things` a text names: the one that has it as its whole id, else as a name, else the only one whose id begins with
 * it. A name may look like the beginning of an id, so it goes first.
 */
export function referred<T>(things: readonly T[], text: string, namesOf: (thing: T) => Names): Reference<T> {
  const whole =
    things.find((thing) => namesOf(thing).containerId === text) ??
    things.find((thing) => namesOf(thing).exact.includes(text))
  if (whole !== undefined) return { kind: 'one', value: whole }
  if (!/^[0-9a-f]+$/.test(text)) return { kind: 'none' }
  const [first, ...others] = things.filter((thing) => namesOf(thing).containerId?.startsWith(text))
  if (first === undefined) return { kind: 'none' }
  if (text.length < ID_CHARACTERS_MIN) return { kind: 'short' }
  return others.length === 0 ? { kind: 'one', value: first } : { kind: 'ambiguous' }
}
