import { type Expected, shownUses } from '../proxies/expected.ts'

/** A listed engine, as far as it matters to what proxies are shown. */
export interface ListedEngine {
  readonly isHealthy: boolean
  /** Whether it belongs to the first group in the list. */
  readonly isFirst: boolean
  readonly isForwarded: boolean
  /** Whether it has fewer started streams than a proxy puts on one engine. */
  readonly hasRoom: boolean
  /** When it was last used, in epoch milliseconds; null for never. */
  readonly usedMs: number | null
  readonly expected: Expected | null
}

/** What a list shows of an engine, where that differs from what is so. */
export interface ShownValues {
  readonly isForwarded: boolean
  readonly usedMs: number | null
}

/**
 * What a list for proxies shows of these engines. A proxy takes an engine without an expected stream before one with an
 * expected stream, if there is one that it likes as well:
 *
 * - The last use of an engine with an expected stream is later than that of the others of its group.
 * - Such an engine does not count as forwarded, as long as another engine of the same health is free: a proxy would prefer it
 *   to all others, however lately it was used.
 */
export function shownToProxies(engines: readonly ListedEngine[]): readonly ShownValues[] {
  const groups = [...Map.groupBy(engines, ({ isFirst }) => isFirst).values()]
  // With a single engine to take there is nothing to prefer.
  const compared = groups.filter((group) => group.filter(({ hasRoom }) => hasRoom).length > 1)
  const uses = new Map(
    compared.flatMap((group) => shownUses(group).map((use, at) => [group[at], use] as const)),
  )
  const isOneFree = (isHealthy: boolean): boolean =>
    engines.some((each) => each.hasRoom && each.expected === null && each.isHealthy === isHealthy)
  const isFree = { healthy: isOneFree(true), other: isOneFree(false) }
  return engines.map((engine) => {
    const isOther = engine.expected !== null && (engine.isHealthy ? isFree.healthy : isFree.other)
    return { isForwarded: engine.isForwarded && !isOther, usedMs: uses.get(engine) ?? engine.usedMs }
  })
}
