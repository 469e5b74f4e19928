import type { Engine } from '../../core/types.ts'
import type { Clock } from '../../lib/clock.ts'
import { backoffMs } from '../../lib/workqueue.ts'
import type { Provisioner } from '../provisioning/provisioner.ts'

const RETRY = { minMs: 1_000, maxMs: 60_000 }

/**
 * Launches the engines that nobody asked for. After one that failed the next waits, longer each time, until one succeeds:
 * a missing image is tried for again, and not ten times a second.
 */
export class StartBackoff {
  #failures = 0
  #heldUntilMs = 0

  constructor(
    private readonly deps: {
      readonly provisioner: Pick<Provisioner, 'start'>
      readonly clock: Clock
      readonly random: () => number
    },
  ) {}

  heldUntilMs(): number {
    return this.#heldUntilMs
  }

  /** The last one failed, so a single one is tried before others. */
  hasFailed(): boolean {
    return this.#failures > 0
  }

  /** Launches an engine of our own; what becomes of it is not waited for. */
  launch(engine: Engine): void {
    void this.deps.provisioner.start(engine).then(({ kind }) => {
      if (kind === 'started') this.#failures = 0
      if (kind === 'failed') this.#hold()
    })
  }

  /** Starts that ran at the same time and failed are one failure. */
  #hold(): void {
    const { clock, random } = this.deps
    if (clock.now() < this.#heldUntilMs) return
    this.#failures++
    this.#heldUntilMs = clock.now() + backoffMs(this.#failures, RETRY, random)
  }
}
