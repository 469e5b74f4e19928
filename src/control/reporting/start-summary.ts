import type { FleetSnapshot } from '../../core/plan/fleet-snapshot.ts'
import type { Log } from '../../lib/log.ts'
import type { Warnings } from './warnings.ts'

/** Logs one summary after a start, as soon as all engines were found: what there is and what is wrong. */
export class StartSummary {
  #isTold = false

  constructor(private readonly deps: { readonly warnings: Warnings; readonly log: Log }) {}

  /** Takes a fleet snapshot. Call this with every snapshot, after the warnings that follow from it were set. */
  look({ engines, frozen }: FleetSnapshot): void {
    if (this.#isTold || frozen !== null) return
    this.#isTold = true
    const { warnings, log } = this.deps
    const streams = engines.reduce((sum, each) => sum + each.streams, 0)
    const codes = warnings.standing().map(({ code }) => code)
    const outdated = engines.filter((each) => each.isOutdated).length
    const renewed =
      outdated === 0
        ? ''
        : `${outdated} of them made from another image or by other settings and renewed when idle, `
    const wrong = codes.length === 0 ? 'nothing to be warned of' : `warnings: ${codes.join(', ')}`
    const text = `ready: ${counted(engines.length, 'engine')}, ${renewed}${counted(streams, 'stream')}, ${wrong}`
    log[codes.length === 0 ? 'info' : 'warn'](
      { engines: engines.length, streams, warnings: codes, ...(outdated === 0 ? {} : { outdated }) },
      text,
    )
  }
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
