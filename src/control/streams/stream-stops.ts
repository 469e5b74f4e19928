import type { OurEndReason } from '../../core/streams/end-reasons.ts'
import { isCommandPath } from '../../core/streams/session-paths.ts'
import type { HostPort } from '../../core/types.ts'
import { type Engine, isLive, isRunning, type Stream } from '../../core/types.ts'
import { engineById } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import { newestStream } from '../../store/streams.ts'
import type { Addresses } from '../engines/addresses.ts'
import { NotFound } from '../errors.ts'
import type { StreamBooks } from './stream-books.ts'

/**
 * What happened to the session at the engine. `none`: the engine was not asked, because the stream had ended, no running
 * engine of ours serves it, or no usable command URL was reported.
 */
export type SessionEnd = 'stopped' | 'unknown' | 'silent' | 'none'

/** Asks an engine to stop a session. Resolves within some seconds and never throws. */
export type StopSession = (
  addresses: readonly HostPort[],
  path: string,
) => Promise<Exclude<SessionEnd, 'none'>>

/** The end reason of a stream that an operator stopped. */
const STOPPED_BY_OPERATOR: OurEndReason = 'stopped_by_operator'

/** Stops streams on an operator's order: first the session at the engine, then the record. */
export class StreamStops {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly books: StreamBooks
      readonly addresses: Addresses
      readonly stopSession: StopSession
    },
  ) {}

  /**
   * Stops the started stream with this id. The record ends whatever the engine answers, and the result has that answer. A
   * stream that ended before stays unchanged. Throws NotFound if the id is unknown.
   */
  async stop(streamId: string): Promise<{ updated: boolean; stream: Stream; session: SessionEnd }> {
    const { store, books } = this.deps
    const newest = newestStream(store.db, streamId)
    if (newest === undefined) throw new NotFound(`no stream ${streamId}`)
    if (newest.status === 'ended') return { updated: false, stream: newest, session: 'none' }
    const session = await this.#stopAtEngine(newest)
    // If the stop cut off a proxy, the proxy may have reported the end meanwhile. Its reason stays.
    const ended = books.endRecord(newest.rowId, STOPPED_BY_OPERATOR)
    return { ...ended, session }
  }

  async #stopAtEngine({ engineId, commandUrl }: Stream): Promise<SessionEnd> {
    const { store, addresses, stopSession } = this.deps
    const engine = engineId === null ? undefined : engineById(store.db, engineId)
    // Only the path of the reported URL is used, and only at our own engine.
    const path = URL.parse(commandUrl)?.pathname ?? ''
    if (engine === undefined || !canBeAsked(engine) || !isCommandPath(path)) return 'none'
    return await stopSession(addresses.probed(engine), path)
  }
}

const canBeAsked = (engine: Engine): boolean => isLive(engine) && isRunning(engine)
