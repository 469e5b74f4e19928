import { LOOKING_ON_MS, ratesBetween, type UsageRates, type UsageReading } from '../../core/engines/usage.ts'
import { keepOnly } from '../../lib/keep-only.ts'

/** What one start of an engine was last seen to use. */
export interface EngineUsage extends UsageRates {
  readonly generation: number
  readonly reading: UsageReading
  /** When it was read, by our clock. */
  readonly collectedMs: number
}

/** The sums and the maxima over engines; 0 without any. */
export interface UsageTotals {
  readonly cores: { readonly sum: number; readonly max: number }
  readonly memoryBytes: { readonly sum: number; readonly max: number }
}

/** A reading that is older does not count in the totals: nobody knows what the engine uses now. */
const TOTALS_MAX_AGE_MS = 120_000

/** What engines use, and when somebody last asked about it. Kept in memory, unknown after a restart. */
export class UsageFacts {
  readonly #known = new Map<string, EngineUsage>()
  #askedMs = Number.NEGATIVE_INFINITY

  /** Adds a reading. What another start of the engine used is forgotten. */
  note(engineId: string, generation: number, reading: UsageReading, nowMs: number): void {
    const before = this.of(engineId, generation)?.reading ?? null
    const rates = ratesBetween(before, reading)
    this.#known.set(engineId, { generation, reading, collectedMs: nowMs, ...rates })
  }

  /** What this start of the engine was last seen to use; null if it was not looked at yet. */
  of(engineId: string, generation: number): EngineUsage | null {
    const known = this.#known.get(engineId)
    return known?.generation === generation ? known : null
  }

  /** Notes that somebody asked. */
  asked(nowMs: number): void {
    this.#askedMs = nowMs
  }

  /** Whether somebody has asked lately, and may ask again. */
  isLookedOn(nowMs: number): boolean {
    return nowMs - this.#askedMs < LOOKING_ON_MS
  }

  totals(nowMs: number): UsageTotals {
    const fresh = [...this.#known.values()].filter(
      ({ collectedMs }) => nowMs - collectedMs < TOTALS_MAX_AGE_MS,
    )
    return {
      cores: totalOf(fresh.map(({ cores }) => cores ?? 0)),
      memoryBytes: totalOf(fresh.map(({ reading }) => reading.memoryBytes ?? 0)),
    }
  }

  /** Drops what is kept about all other engines. */
  keepOnly(engineIds: ReadonlySet<string>): void {
    keepOnly(this.#known, engineIds)
  }
}

const totalOf = (values: readonly number[]) => ({
  sum: values.reduce((sum, value) => sum + value, 0),
  max: Math.max(0, ...values),
})
