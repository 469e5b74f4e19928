import type { JournalBook } from './books.ts'

/** How a journal entry changes the status of its engine. Other kinds change nothing. */
const ENGINE_STEPS: Readonly<Record<string, (before: string | undefined) => string | undefined>> = {
  'provision.started': () => 'provisioning',
  'provision.completed': () => 'starting',
  'provision.failed': () => 'failed',
  'engine.recreating': () => 'provisioning',
  'engine.adopted': () => 'starting',
  'engine.ready': () => 'ready',
  'engine.started': (before) => (before === 'ready' ? 'starting' : before),
  'engine.draining': () => 'draining',
  'engine.recalled': () => 'ready',
  'engine.removal_requested': (before) => (before === 'provisioning' ? before : 'draining'),
  'engine.failed': () => 'failed',
  'engine.gone': () => 'gone',
}

const STREAM_STEPS: Readonly<Record<string, 'started' | 'ended'>> = {
  'stream.started': 'started',
  'stream.failed': 'ended',
  'stream.ended': 'ended',
}

/** The state of the tables, derived only from the journal. */
export class Fold {
  readonly #engines = new Map<string, string>()
  readonly #streams = new Set<string>()
  lastId = 0

  add(entry: JournalBook): void {
    const { kind, engine_id: engineId, stream_id: streamId } = entry
    this.lastId = entry.id
    const step = ENGINE_STEPS[kind]
    if (step !== undefined && engineId !== null) {
      const after = step(this.#engines.get(engineId))
      if (after !== undefined) this.#engines.set(engineId, after)
    }
    const streamStep = STREAM_STEPS[kind]
    if (streamStep === undefined || streamId === null) return
    if (streamStep === 'started') this.#streams.add(streamId)
    else this.#streams.delete(streamId)
  }

  status(engineId: string): string | undefined {
    return this.#engines.get(engineId)
  }

  /** Ids of the engines that are not history. */
  live(): string[] {
    return [...this.#engines]
      .filter(([, status]) => status !== 'gone' && status !== 'failed')
      .map(([id]) => id)
  }

  startedStreams(): ReadonlySet<string> {
    return this.#streams
  }
}
