import type { Engine } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { backoffMs } from '../../lib/workqueue.ts'
import type { Provisioner } from '../provisioning/provisioner.ts'

const RETRY = { minMs: 1_000, maxMs: 60_000 }

/** How long no engine is started after one failed because we did not reach it: the next one would fare alike. */
const UNREACHED_MS = 60_000

/**
 * Launches engines that no caller asked for. After a failed launch the next one waits, longer each time, until one succeeds.
 * So a missing image is tried again, but not ten times a second.
 */
export class StartBackoff {
  #failures = 0
  #heldUntilMs = 0
  #unreachedMs = Number.NEGATIVE_INFINITY

  constructor(
    private readonly deps: {
      readonly provisioner: Pick<Provisioner, 'start'>
      readonly clock: Clock
      readonly random: () => number
      /** Whether we share no network with new engines. */
      readonly isApart: () => boolean
    },
  ) {}

  heldUntilMs(): number {
    const unreachedMs = this.deps.isApart() ? this.#unreachedMs + UNREACHED_MS : 0
    return Math.max(this.#heldUntilMs, unreachedMs)
  }

  /** Notes that an engine failed because we did not reach it. No breaker counts that, so that nothing else slows the starts. */
  unreached(): void {
    this.#unreachedMs = this.deps.clock.now()
  }

  /** Whether the last launch failed. Then a single engine is tried before others. */
  hasFailed(): boolean {
    return this.#failures > 0
  }

  /** Launches an engine that no caller asked for, without waiting for the outcome. */
  launch(engine: Engine): void {
    void this.deps.provisioner.start(engine).then(({ kind }) => {
      if (kind === 'started') this.#failures = 0
      if (kind === 'failed') this.#hold()
    })
  }

  /**
   * Sets the time of the next launch after a failure. Launches that ran at the same time and failed count as one failure.
   */
  #hold(): void {
    const { clock, random } = this.deps
    if (clock.now() < this.#heldUntilMs) return
    this.#failures++
    this.#heldUntilMs = clock.now() + backoffMs(this.#failures, RETRY, random)
  }
}
