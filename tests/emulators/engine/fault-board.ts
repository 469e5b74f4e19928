import { FaultStore } from './fault-store.ts'
import { type Faults, type HangKind, mergeFaults, NO_FAULTS } from './faults.ts'

/** The faults of one engine. */
export class FaultBoard extends FaultStore<Faults> {
  /** The faults in `first` apply from the start. */
  constructor(first: Faults) {
    super(NO_FAULTS, mergeFaults)
    this.set(first)
  }

  /** Whether a call of this kind hangs now. `all` includes every kind. */
  hangs(kind: HangKind): boolean {
    return this.faults.hang.includes('all') || this.faults.hang.includes(kind)
  }

  /** Resolves when calls of this kind do not hang (usually at once), or when `signal` aborts. */
  passed(kind: HangKind, signal: AbortSignal): Promise<void> {
    return this.until(() => !this.hangs(kind), signal)
  }
}
