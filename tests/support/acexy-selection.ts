import type { AcexyEngine } from './acexy-wire.ts'

/** An engine and its number of started streams, as acexy counts them. */
export interface Candidate {
  readonly engine: AcexyEngine
  readonly activeStreams: number
}

/**
 * Chooses the engine that acexy's newest version uses; null if none has room. Healthy engines come first, then those with
 * fewer streams, then forwarded ones, then the one whose last use is longest ago (never used counts as longest); among
 * equals, the first in the list. An unhealthy engine is used only if no healthy one has room.
 */
export function selectEngine(
  candidates: readonly Candidate[],
  maxStreamsPerEngine: number,
): AcexyEngine | null {
  const withRoom = candidates.filter(({ activeStreams }) => activeStreams < maxStreamsPerEngine)
  return withRoom.toSorted(byPreference)[0]?.engine ?? null
}

function byPreference(left: Candidate, right: Candidate): number {
  return (
    trueFirst(left.engine.health_status === 'healthy', right.engine.health_status === 'healthy') ||
    left.activeStreams - right.activeStreams ||
    trueFirst(left.engine.forwarded, right.engine.forwarded) ||
    lastUsage(left.engine) - lastUsage(right.engine)
  )
}

const trueFirst = (left: boolean, right: boolean): number => Number(right) - Number(left)

const lastUsage = ({ last_stream_usage }: AcexyEngine): number => last_stream_usage?.getTime() ?? 0
