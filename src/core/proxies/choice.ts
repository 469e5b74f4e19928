import type { Engine } from '../types.ts'

/** An engine as a list shows it to a proxy: what the proxy decides by. */
export interface ShownEngine {
  readonly engineId: string
  readonly containerId: string
  readonly isHealthy: boolean
  readonly isForwarded: boolean
  /** When the engine was last used, in epoch milliseconds; null for never. */
  readonly usedMs: number | null
}

/**
 * The engine that acexy takes from a list: of those with room the healthy ones first, then the one with the fewest started
 * streams, then a forwarded one, then the one whose last use is longest ago, then the first in the list. Null if none has
 * room. `started` has the number of started streams of each engine, as acexy was told it. Source: `SelectBestEngine` in
 * acexy 7e82040.
 */
export function choiceAmong(
  list: readonly ShownEngine[],
  started: readonly number[],
  perEngineMax: number,
): ShownEngine | null {
  const [best] = list
    .map((engine, at): Candidate => ({ engine, started: started[at] ?? 0 }))
    .filter((each) => each.started < perEngineMax)
    .toSorted(byPreference)
  return best?.engine ?? null
}

interface Candidate {
  readonly engine: ShownEngine
  readonly started: number
}

const byPreference = (a: Candidate, b: Candidate): number =>
  Number(b.engine.isHealthy) - Number(a.engine.isHealthy) ||
  a.started - b.started ||
  Number(b.engine.isForwarded) - Number(a.engine.isForwarded) ||
  (a.engine.usedMs ?? 0) - (b.engine.usedMs ?? 0)

/** When an engine was last used. A failed attempt counts as a use: a proxy prefers the engine whose last use is oldest. */
export function usedMs({
  lastStreamAt,
  failedAttemptAt,
}: Pick<Engine, 'lastStreamAt' | 'failedAttemptAt'>): number | null {
  if (lastStreamAt === null || failedAttemptAt === null) return lastStreamAt ?? failedAttemptAt
  return Math.max(lastStreamAt, failedAttemptAt)
}
