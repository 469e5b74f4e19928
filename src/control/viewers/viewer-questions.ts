import type { Engine } from '../../core/types.ts'
import type { PortPeers } from '../../core/viewers/tcp-table.ts'
import type { Clock } from '../../lib/clock.ts'
import { type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import { liveEngines } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import type { Facts } from '../facts/facts.ts'
import { peersIn, tableCommands } from './viewer-command.ts'

/** How long a container may take for what takes a tenth of a second, or two seconds where Docker counts; some never end it. */
const PATIENCE_MS = 10_000

/** Other engines in the same network that are asked. */
const NEIGHBOURS_MAX = 3

/** Who asks. */
export interface Asker {
  /** Ends all questions. */
  readonly signal: AbortSignal
  /** Hears of a container that gave no answer; what it throws ends the look. */
  readonly onSilence: (failure: RuntimeFailure) => void
}

/** What was said to a question that was asked at a time: it is true of that time, or of a later one. */
interface Answer<T> {
  readonly atMs: number
  readonly said: T
}

const SILENT = Symbol('silent')

/** Asks Docker and the containers of an engine's network whether somebody uses the engine. Nothing is changed by it. */
export class ViewerQuestions {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly clock: Clock
      readonly runtime: Runtime
      readonly facts: Facts
    },
  ) {}

  /** Who is connected to the engine's port; null where no container of its network can tell. */
  async port(engine: Engine, asker: Asker): Promise<Answer<PortPeers | null>> {
    const { httpPort } = engine
    let best: Answer<PortPeers | null> = { atMs: this.deps.clock.now(), said: null }
    // An engine that was taken over need not say which port it has.
    if (httpPort === 0) return best
    for (const containerId of this.#readers(engine)) {
      for (const command of tableCommands(httpPort)) {
        const question = (signal: AbortSignal) => this.deps.runtime.exec(containerId, command, signal)
        const { atMs, said: result } = await this.#ask(question, asker)
        if (result === SILENT) break
        const said = result && peersIn(httpPort, result)
        if (said?.isWhole) return { atMs, said }
        if (best.said === null) best = { atMs, said }
      }
    }
    return best
  }

  /** What its network has carried since its start, both ways; null where nothing counts that for it alone. */
  async bytes({ containerId }: Engine, asker: Asker): Promise<Answer<number | null>> {
    const question = (signal: AbortSignal) => this.deps.runtime.traffic(containerId ?? '', signal)
    const { atMs, said: traffic } = await this.#ask(question, asker)
    if (traffic === null || traffic === SILENT) return { atMs, said: null }
    return { atMs, said: traffic.receivedBytes + traffic.sentBytes }
  }

  /** The containers that share its network: itself, the one whose network it has joined, others that have. */
  #readers({ id, containerId, networkContainerId }: Engine): readonly string[] {
    const { store, facts } = this.deps
    const isNeighbour = (other: Engine): boolean =>
      other.networkContainerId === networkContainerId && other.id !== id && facts.isRunning(other)
    const neighbours = networkContainerId === null ? [] : liveEngines(store.db).filter(isNeighbour)
    const others = neighbours.slice(0, NEIGHBOURS_MAX).map((other) => other.containerId)
    return [containerId, networkContainerId, ...others].flatMap((each) => each ?? [])
  }

  /** Null where the answer is that it can't be had. */
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
