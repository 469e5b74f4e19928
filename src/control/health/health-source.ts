import type { HostPort } from '../../core/types.ts'
import type { BootFact } from '../facts/boot-facts.ts'
import type { NetworkFact } from '../facts/connection-facts.ts'
import type { SessionFact } from '../facts/session-facts.ts'

/** An engine to probe, and the sessions to ask it about. */
export interface HealthTarget {
  readonly engineId: string
  readonly generation: number
  readonly addresses: HostPort[]
  readonly isBooting: boolean
  /** Its host is lost, so it is asked at once and often whether it answers all the same. */
  readonly isInDoubt: boolean
  readonly sessions: SessionTarget[]
  /** How often the engine is asked whether it is connected to the internet, in milliseconds; null for never. */
  readonly networkIntervalMs: number | null
}

/** The session of a stream row. `path` is the path of its `stat_url`, always under `/ace/stat/`. */
export interface SessionTarget {
  readonly streamRowId: number
  readonly path: string
}

/** The outcome of one probe. */
export interface HealthFact {
  readonly engineId: string
  readonly generation: number
  readonly ok: boolean
  readonly atMs: number
  readonly error: string | null
}

/** Receives what a source reports. */
export interface HealthHandlers {
  readonly onFact: (fact: HealthFact) => void
  /** An engine could not be asked because this process lacks resources. That says nothing about the engine. */
  readonly onUnasked: (fact: Pick<HealthFact, 'engineId' | 'generation' | 'atMs'>) => void
  /** A booting engine has not answered yet. That is no failure. */
  readonly onBoot: (fact: BootFact) => void
  readonly onSessions: (facts: readonly SessionFact[]) => void
  readonly onNetwork: (facts: readonly NetworkFact[]) => void
  readonly onLost: () => void
}

/** The source of probes: the health worker, or a simulated one. */
export interface HealthSource {
  start(handlers: HealthHandlers): void
  setTargets(targets: readonly HealthTarget[]): void
  stop(): Promise<void>
}
