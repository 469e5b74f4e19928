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

/** What came of the session at the engine. `none`: there is no engine of ours to ask, or no command of it is known. */
export type SessionEnd = 'stopped' | 'unknown' | 'silent' | 'none'

/** Asks an engine to stop a session; ends within some seconds, and never throws. */
export type StopSession = (
  addresses: readonly HostPort[],
  path: string,
) => Promise<Exclude<SessionEnd, 'none'>>

/** The reason of the end of a stream that an operator has stopped. */
const STOPPED_BY_OPERATOR: OurEndReason = 'stopped_by_operator'

/** Stops streams on an operator's word: the session at its engine first, and then in the books. */
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
   * Stops the started stream of this id. It ends in the books whatever the engine says, and the answer tells what it said;
   * one that had ended before stays as it is. Throws NotFound for an id that is not in the books.
   */
  async stop(streamId: string): Promise<{ updated: boolean; stream: Stream; session: SessionEnd }> {
    const { store, books } = this.deps
    const newest = newestStream(store.db, streamId)
    if (newest === undefined) throw new NotFound(`no stream ${streamId}`)
    if (newest.status === 'ended') return { updated: false, stream: newest, session: 'none' }
    const session = await this.#stopAtEngine(newest)
    // A proxy that was cut off by the stop may have reported the end meanwhile; its reason stands.
    const ended = books.endRecord(newest.rowId, STOPPED_BY_OPERATOR)
    return { ...ended, session }
  }

  async #stopAtEngine({ engineId, commandUrl }: Stream): Promise<SessionEnd> {
    const { store, addresses, stopSession } = this.deps
    const engine = engineId === null ? undefined : engineById(store.db, engineId)
    // Of the URL that a proxy reported only the path is used, and at our own engine.
    const path = URL.parse(commandUrl)?.pathname ?? ''
    if (engine === undefined || !canBeAsked(engine) || !isCommandPath(path)) return 'none'
    return await stopSession(addresses.probed(engine), path)
  }
}

const canBeAsked = (engine: Engine): boolean => isLive(engine) && isRunning(engine)
