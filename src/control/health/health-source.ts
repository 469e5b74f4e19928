import type { HostPort } from '../../core/types.ts'
import type { NetworkFact } from '../facts/connection-facts.ts'
import type { SessionFact } from '../facts/session-facts.ts'

/** An engine to be probed, and the sessions to be asked about there. */
export interface HealthTarget {
  readonly engineId: string
  readonly generation: number
  readonly addresses: HostPort[]
  readonly isBooting: boolean
  readonly sessions: SessionTarget[]
  /** How often it is asked whether it is connected to the outside, in milliseconds; null for never. */
  readonly networkIntervalMs: number | null
}

/** A session of the books; `path` is that of its `stat_url`, always under `/ace/stat/`. */
export interface SessionTarget {
  readonly streamRowId: number
  readonly path: string
}

/** One probe's outcome. */
export interface HealthFact {
  readonly engineId: string
  readonly generation: number
  readonly ok: boolean
  readonly atMs: number
  readonly error: string | null
}

/** What a source tells. */
export interface HealthHandlers {
  readonly onFact: (fact: HealthFact) => void
  /** An engine could not be asked, for a lack of our own: that says nothing of it. */
  readonly onUnasked: (fact: Pick<HealthFact, 'engineId' | 'generation' | 'atMs'>) => void
  readonly onSessions: (facts: readonly SessionFact[]) => void
  readonly onNetwork: (facts: readonly NetworkFact[]) => void
  readonly onLost: () => void
}

/** Where probes come from: the health worker, or a simulated one. */
export interface HealthSource {
  start(handlers: HealthHandlers): void
  setTargets(targets: readonly HealthTarget[]): void
  stop(): Promise<void>
}
