/** A record as the API shows it, and the part of it that is compared to find changes. */
export interface State {
  readonly json: string
  /** If these texts are equal, nothing that matters has changed. */
  readonly compared: string
}

/** The states by the keys of their records. */
export type States = ReadonlyMap<string, State>

/**
 * Compares two sets of states: `changed` are those that are new or different, `gone` are the removed ones, in their last
 * state.
 */
export function stateChanges(before: States, after: States) {
  return {
    changed: [...after].filter(([key, { compared }]) => before.get(key)?.compared !== compared),
    gone: [...before].filter(([key]) => !after.has(key)),
  }
}
