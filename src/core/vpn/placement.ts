/** A VPN node as a candidate for another engine. */
export interface NodePlace {
  readonly name: string
  readonly state: 'up' | 'down' | 'unknown'
  /** Number of live engines behind the node. */
  readonly engines: number
  /** The node has a free port for another engine; if a port was requested, that one. */
  readonly hasPort: boolean
}

/**
 * Chooses the node for another engine among those that are up and have a port: the preferred one, else the one with the
 * fewest engines, the first among equals. Null if there is none.
 */
export function placement<Node extends NodePlace>(
  nodes: readonly Node[],
  preferred: string | null,
): Node | null {
  const possible = nodes.filter(({ state, hasPort }) => state === 'up' && hasPort)
  const wanted = possible.find(({ name }) => name === preferred)
  return wanted ?? possible.toSorted((a, b) => a.engines - b.engines)[0] ?? null
}
