import {
  type StandingWarning,
  WARNING_CODES,
  type Warning,
  type WarningCode,
} from '../../core/reporting/warnings.ts'
import type { Clock } from '../../lib/clock.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'

/**
 * Holds all warnings for users. A component that checks something reports with each check whether all is well. Kept in
 * memory; after a restart the first checks report again. Each warning is logged once when it begins and once when it ends.
 */
export class Warnings {
  readonly #standing = new Map<WarningCode, StandingWarning>()
  readonly #news: Emitter

  constructor(
    private readonly deps: { readonly clock: Clock; readonly log: Log; readonly onError: OnError },
  ) {
    this.#news = new Emitter(deps.onError)
  }

  /** Calls `listener` when a warning began, ended or changed its text. The listener must be quick. */
  onNews(listener: () => void): void {
    this.#news.on(listener)
  }

  /**
   * Sets a warning, or clears it with null. The same text again changes nothing. Another text keeps the time of the
   * beginning.
   */
  tell(code: WarningCode, warning: Warning | null): void {
    const before = this.#standing.get(code)
    if (warning === null) {
      if (before !== undefined) this.#end(before)
    } else if (before === undefined) this.#begin(code, warning)
    else if (before.message !== warning.message || before.remedy !== warning.remedy)
      this.#set({ ...before, ...warning })
  }

  /** Reports the results of several checks. */
  tellAll(told: Readonly<Partial<Record<WarningCode, Warning | null>>>): void {
    for (const code of WARNING_CODES) if (told[code] !== undefined) this.tell(code, told[code])
  }

  /** The warnings in force, in the order of their codes. */
  standing(): readonly StandingWarning[] {
    return WARNING_CODES.flatMap((code) => this.#standing.get(code) ?? [])
  }

  #begin(code: WarningCode, warning: Warning): void {
    const { clock, log } = this.deps
    log.warn({ warning: code, remedy: warning.remedy }, warning.message)
    this.#set({ code, ...warning, sinceMs: clock.now() })
  }

  #end({ code, message, sinceMs }: StandingWarning): void {
    const { clock, log } = this.deps
    const seconds = Math.round((clock.now() - sinceMs) / 1_000)
    log.info({ warning: code, seconds }, `no longer: ${message}`)
    this.#standing.delete(code)
    this.#news.emit()
  }

  #set(warning: StandingWarning): void {
    this.#standing.set(warning.code, warning)
    this.#news.emit()
  }
}
