import type { Engine } from '../../core/types.ts'
import type { PortPeers } from '../../core/viewers/tcp-table.ts'
import type { Clock } from '../../lib/clock.ts'
import { type Commands, type Meters, RuntimeFailure } from '../../runtime/runtime.ts'
import type { Store } from '../../store/store.ts'
import { networkReaders } from '../engines/network-readers.ts'
import type { Facts } from '../facts/facts.ts'
import { peersIn, tableCommands } from './viewer-command.ts'

/**
 * How long a container may take to answer. A command takes a tenth of a second, a traffic reading of Docker two seconds.
 * Some containers never answer.
 */
const PATIENCE_MS = 10_000

/** The abort signal and the error handler of the component that asks. */
export interface Asker {
  /** Aborts all questions. */
  readonly signal: AbortSignal
  /** Called when a container gave no answer. An error that it throws ends the look. */
  readonly onSilence: (failure: RuntimeFailure) => void
}

/** The answer to a question that was asked at `atMs`. The answer is true of that time or of a later one. */
interface Answer<T> {
  readonly atMs: number
  readonly said: T
}

const SILENT = Symbol('silent')

/** Asks Docker and the containers of an engine's network whether somebody uses the engine. Changes nothing. */
export class ViewerQuestions {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly commands: Commands | null
      readonly meters: Pick<Meters, 'traffic'> | null
      readonly facts: Facts
    },
  ) {}

  /** Who is connected to the engine's HTTP port; null if no container of its network can tell. */
  async port(engine: Engine, asker: Asker): Promise<Answer<PortPeers | null>> {
    const { httpPort } = engine
    const { store, facts, commands } = this.deps
    let best: Answer<PortPeers | null> = { atMs: this.deps.clock.now(), said: null }
    // The port of an adopted engine may be unknown.
    if (httpPort === 0 || commands === null) return best
    for (const containerId of networkReaders(store.db, engine, (each) => facts.isRunning(each))) {
      for (const command of tableCommands(httpPort)) {
        const question = (signal: AbortSignal) => commands.exec(containerId, command, signal)
        const { atMs, said: result } = await this.#ask(question, asker)
        if (result === SILENT) break
        const said = result && peersIn(httpPort, result)
        if (said?.isWhole) return { atMs, said }
        if (best.said === null) best = { atMs, said }
      }
    }
    return best
  }

  /**
   * The bytes that the engine's network has received and sent since its start; null if they are not counted for it alone.
   */
  async bytes({ containerId }: Engine, asker: Asker): Promise<Answer<number | null>> {
    const { meters, clock } = this.deps
    if (meters === null) return { atMs: clock.now(), said: null }
    const question = (signal: AbortSignal) => meters.traffic(containerId ?? '', signal)
    const { atMs, said: traffic } = await this.#ask(question, asker)
    if (traffic === null || traffic === SILENT) return { atMs, said: null }
    return { atMs, said: traffic.receivedBytes + traffic.sentBytes }
  }

  /** Asks one question. The answer is null if it is not available, and `SILENT` if none came. */
  async #ask<T>(
    question: (signal: AbortSignal) => Promise<T>,
    asker: Asker,
  ): Promise<Answer<T | null | typeof SILENT>> {
    const { clock } = this.deps
    const atMs = clock.now()
    const patience = new AbortController()
    const cancel = clock.after(PATIENCE_MS, () => patience.abort())
    try {
      return { atMs, said: await question(AbortSignal.any([asker.signal, patience.signal])) }
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      if (error.code !== 'unreachable') return { atMs, said: null }
      asker.onSilence(error)
      return { atMs, said: SILENT }
    } finally {
      cancel()
    }
  }
}
