/** A VPN node as a place for another engine. */
export interface NodePlace {
  readonly name: string
  readonly state: 'up' | 'down' | 'unknown'
  /** Live engines behind it. */
  readonly engines: number
  /** It has a port for another engine (the one asked for, if one is). */
  readonly hasPort: boolean
}

/**
 * The node for another engine: of those that are up and have a port the preferred one, else the one with the fewest
 * engines, the first of equals. Null when there is none.
 */
export function placement<Node extends NodePlace>(
  nodes: readonly Node[],
  preferred: string | null,
): Node | null {
  const possible = nodes.filter(({ state, hasPort }) => state === 'up' && hasPort)
  const wanted = possible.find(({ name }) => name === preferred)
  return wanted ?? possible.toSorted((a, b) => a.engines - b.engines)[0] ?? null
}
