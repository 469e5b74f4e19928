/** A record as the API shows it, and what of it counts as a change. */
export interface State {
  readonly json: string
  /** Equal texts: nothing that matters has changed. */
  readonly compared: string
}

/** By the key of the record. */
export type States = ReadonlyMap<string, State>

/** What is new or another than before, and what is not there any more, as it was last. */
export function stateChanges(before: States, after: States) {
  return {
    changed: [...after].filter(([key, { compared }]) => before.get(key)?.compared !== compared),
    gone: [...before].filter(([key]) => !after.has(key)),
  }
}
