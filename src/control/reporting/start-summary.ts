import type { FleetSnapshot } from '../../core/plan/fleet-snapshot.ts'
import {
  type StartBasics,
  type StartFindings,
  startMembers,
  startSentence,
} from '../../core/reporting/start-report.ts'
import type { Engine } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import type { Warnings } from './warnings.ts'

export interface StartSummaryDeps {
  readonly clock: Clock
  /** The ids of the engines that the database had when the process began. */
  readonly known: ReadonlySet<string>
  readonly runtime: Pick<Runtime, 'host'>
  readonly warnings: Warnings
  /** Whether an engine's port is published on all addresses of the host. */
  readonly isOpen: (engine: Engine) => boolean
  /** Whether it is known in which networks this process is. */
  readonly isPlaced: () => boolean
  /** What is known now of the template's image, and of the nodes of the VPN. */
  readonly image: () => StartFindings['image']
  readonly vpn: () => StartFindings['vpn']
  /** Shows the summary. */
  readonly tell: (findings: StartFindings) => void
  readonly onError: OnError
}

/** How long the summary waits for the image, the VPN and Docker's version after the engines were found. */
const PATIENCE_MS = 5_000

/** Tells one summary after a start, as soon as all engines were found: what there is and what is wrong. */
export class StartSummary {
  readonly #stop = new AbortController()
  #found: Pick<StartFindings, 'engines' | 'streams'> | null = null
  /** Undefined while it is asked for. */
  #docker: string | null | undefined = undefined
  #isTold = false
  #cancel: () => void = () => undefined

  constructor(private readonly deps: StartSummaryDeps) {}

  /** Takes a fleet snapshot. Call this with every snapshot, after the warnings that follow from it were set. */
  look(snapshot: FleetSnapshot): void {
    if (this.#isTold || this.#stop.signal.aborted) return
    if (this.#found === null) {
      if (snapshot.frozen !== null) return
      this.#begin(snapshot)
    }
    this.#tellIf(this.#isComplete())
  }

  /** Tells nothing any more. */
  stop(): void {
    this.#stop.abort()
    this.#cancel()
  }

  /** Keeps what was found: later snapshots have what was started since. */
  #begin({ engines }: FleetSnapshot): void {
    const { clock, known, isOpen, onError } = this.deps
    const others = engines.filter(({ engine }) => !known.has(engine.id))
    const kept = engines.length - others.length
    this.#found = {
      engines: {
        total: engines.length,
        kept,
        adopted: others.filter(({ engine }) => engine.adoptedAt !== null).length,
        gone: known.size - kept,
        outdated: engines.filter(({ outdated }) => outdated !== null).length,
        open: engines.filter(({ engine }) => isOpen(engine)).length,
      },
      streams: engines.reduce((sum, each) => sum + each.streams, 0),
    }
    this.#cancel = clock.after(
      PATIENCE_MS,
      guarded(() => this.#tellIf(true), onError),
    )
    this.#askDocker().catch(onError)
  }

  async #askDocker(): Promise<void> {
    this.#docker = await this.#version()
    if (!this.#stop.signal.aborted) this.#tellIf(this.#isComplete())
  }

  async #version(): Promise<string | null> {
    try {
      return (await this.deps.runtime.host(this.#stop.signal)).version
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      return null
    }
  }

  #isComplete(): boolean {
    const { image, vpn, isPlaced } = this.deps
    const states = [image().state, ...vpn().map(({ state }) => state)]
    return this.#docker !== undefined && isPlaced() && !states.includes('unknown')
  }

  #tellIf(isTime: boolean): void {
    if (!isTime || this.#isTold || this.#found === null) return
    this.#isTold = true
    this.#cancel()
    const { warnings, image, vpn, tell } = this.deps
    const standing = warnings.standing()
    tell({
      docker: this.#docker ?? null,
      image: image(),
      ...this.#found,
      vpn: vpn(),
      warnings: standing.map(({ code }) => code),
      advice: standing.map(({ message, remedy }) => `${message}. Remedy: ${remedy}`),
    })
  }
}

/** Writes the summary of a start as one entry of the log; `basics` is null if they are not known. */
export function logStart(log: Log, findings: StartFindings, basics: StartBasics | null): void {
  const level = findings.warnings.length === 0 ? 'info' : 'warn'
  log[level](startMembers(findings, basics), `ready: ${startSentence(findings)}`)
}
