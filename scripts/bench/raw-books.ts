import { Database } from 'bun:sqlite'
import { openStore } from '../../src/store/store.ts'

/** A record of a stream, as its two events describe it. */
export interface RawStream {
  readonly streamId: string
  readonly engineId: string
  readonly containerId: string
  readonly keyType: string
  readonly key: string
  readonly playbackSessionId: string
  readonly statUrl: string
  readonly commandUrl: string
  readonly host: string
  readonly port: number
}

/**
 * Writes the rows that the two events of a stream leave, with prepared statements of bun:sqlite and nothing else. This shows
 * the time of the database itself. The tables, their indices and `synchronous` are those of the orchestrator.
 */
export class RawBooks {
  readonly #database
  readonly #insertStream
  readonly #endStream
  readonly #insertJournal
  readonly #noteStart
  readonly #noteEnd

  /** Creates the database if it is missing. */
  constructor(path: string) {
    openStore(path).close()
    const database = new Database(path, { strict: true })
    // Both settings belong to a connection and not to the file.
    database.run('PRAGMA synchronous = FULL')
    database.run('PRAGMA foreign_keys = ON')
    this.#database = database
    this.#insertStream = database.prepare(
      `INSERT INTO streams (stream_id, engine_id, container_id, key_type, key, playback_session_id, stat_url, command_url,
         is_live, status, started_at)
       VALUES ($streamId, $engineId, $containerId, $keyType, $key, $playbackSessionId, $statUrl, $commandUrl,
         1, 'started', $now)`,
    )
    this.#endStream = database.prepare(
      `UPDATE streams SET status = 'ended', ended_at = $now, end_reason = 'eof'
       WHERE stream_id = $streamId AND status = 'started'`,
    )
    this.#insertJournal = database.prepare(
      `INSERT INTO journal (at, kind, engine_id, stream_id, detail) VALUES ($now, $kind, $engineId, $streamId, $detail)`,
    )
    this.#noteStart = database.prepare(
      `UPDATE engines SET last_stream_at = $now, unclaimed_since = NULL, claim_key = NULL, started_ahead = 0
       WHERE id = $engineId`,
    )
    this.#noteEnd = database.prepare('UPDATE engines SET last_stream_at = $now WHERE id = $engineId')
  }

  /** Commits a start. */
  start(stream: RawStream): void {
    const { engineId, streamId, key, host, port, ...others } = stream
    const now = Date.now()
    const detail = JSON.stringify({ key, host, port })
    this.#commit(() => {
      this.#insertStream.run({ engineId, streamId, key, now, ...others })
      this.#insertJournal.run({ now, kind: 'stream.started', engineId, streamId, detail })
      this.#noteStart.run({ now, engineId })
    })
  }

  /** Commits the end of a started stream. Returns false if there is none. */
  end({ streamId, engineId }: Pick<RawStream, 'streamId' | 'engineId'>): boolean {
    const now = Date.now()
    return this.#commit(() => {
      const { changes } = this.#endStream.run({ now, streamId })
      this.#noteEnd.run({ now, engineId })
      const detail = JSON.stringify({ reason: 'eof' })
      this.#insertJournal.run({ now, kind: 'stream.ended', engineId, streamId, detail })
      return changes === 1
    })
  }

  close(): void {
    this.#database.close()
  }

  #commit<R>(work: () => R): R {
    return this.#database.transaction(work).immediate()
  }
}
