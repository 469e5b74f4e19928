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
 * - Such an engine does not count as forwarded, as long as another engine of the same health is free, or a stream has been
 *   expected on it for longer: a proxy would prefer the forwarded one to all others, however lately it was used. A stream that
 *   is expected for longer is less likely to come, since a viewer who gave up before it began is reported by nobody.
 */
export function shownToProxies(engines: readonly ListedEngine[]): readonly ShownValues[] {
  const groups = [...Map.groupBy(engines, ({ isFirst }) => isFirst).values()]
  // With a single engine to take there is nothing to prefer.
  const compared = groups.filter((group) => group.filter(({ hasRoom }) => hasRoom).length > 1)
  const uses = new Map(
    compared.flatMap((group) => shownUses(group).map((use, at) => [group[at], use] as const)),
  )
  const freestMs = { healthy: freestSinceMs(engines, true), other: freestSinceMs(engines, false) }
  return engines.map((engine) => {
    const isOther = sinceMs(engine) > (engine.isHealthy ? freestMs.healthy : freestMs.other)
    return { isForwarded: engine.isForwarded && !isOther, usedMs: uses.get(engine) ?? engine.usedMs }
  })
}

/** Since when the stream is expected that has been expected for longest on an engine with room, in epoch milliseconds. */
const freestSinceMs = (engines: readonly ListedEngine[], isHealthy: boolean): number =>
  Math.min(...engines.filter((each) => each.hasRoom && each.isHealthy === isHealthy).map(sinceMs))

/** An engine without an expected stream is freer than any other. */
const sinceMs = ({ expected }: ListedEngine): number => expected?.sinceMs ?? Number.NEGATIVE_INFINITY
