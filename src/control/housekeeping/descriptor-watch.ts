import type { Warning } from '../../core/reporting/warnings.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Descriptors } from '../../lib/descriptors.ts'
import type { OnError } from '../../lib/guard.ts'
import { Loop } from '../../lib/loop.ts'
import type { Warnings } from '../reporting/warnings.ts'

const CHECK_MS = 500

/** How many descriptors are kept free for Docker, engines and the database. Of a low limit a quarter is kept free. */
const RESERVED = 64

/** How long the warning stands after the last shortage. */
const TOLD_MS = 60_000

/** The connections of clients to this server. */
export interface ClientConnections {
  /** Closes the connections that wait for another request after their last answer. */
  closeIdle(): void
  /** Closes all connections, even those that never sent a request and those that are being answered. */
  closeAll(): void
}

/**
 * Keeps descriptors free for our own questions if too many clients connect. If few are left, it closes idle connections, and
 * all connections if that is not enough, and sets a warning. Clients connect again, but an engine that could not be asked
 * would seem dead.
 */
export class DescriptorWatch {
  readonly #loop: Loop
  #shortMs = Number.NEGATIVE_INFINITY

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly descriptors: Descriptors
      readonly connections: ClientConnections
      readonly warnings: Warnings
      readonly onError: OnError
    },
  ) {
    const { clock, onError } = deps
    this.#loop = new Loop({ clock, intervalMs: CHECK_MS, first: 'later', work: () => this.#look(), onError })
  }

  start(): void {
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
  }

  #look(): void {
    const { clock, connections, warnings } = this.deps
    if (this.#isShort()) {
      this.#shortMs = clock.now()
      warnings.tell('descriptors_short', this.#warning())
      connections.closeIdle()
      if (this.#isShort()) connections.closeAll()
    } else if (clock.now() - this.#shortMs >= TOLD_MS) warnings.tell('descriptors_short', null)
  }

  #isShort(): boolean {
    const { descriptors } = this.deps
    return descriptors.left() < Math.min(RESERVED, Math.floor(descriptors.limit / 4))
  }

  #warning(): Warning {
    return {
      message: `clients hold nearly all of the ${this.deps.descriptors.limit} file descriptors that this process may have, so their connections are closed`,
      remedy:
        'raise the limit (docker run --ulimit nofile=65536, LimitNOFILE= of systemd), or find out who they are',
    }
  }
}
