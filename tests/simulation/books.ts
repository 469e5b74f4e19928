import type { Database } from 'bun:sqlite'

/** A row of the engines, with the columns that the checks read. */
export interface EngineBook {
  readonly id: string
  readonly status: string
  readonly name: string
  readonly reason: string | null
  readonly container_id: string | null
  readonly container_state: string | null
  readonly container_started_at: number | null
  readonly scope: string
  readonly vpn_node: string | null
  readonly donor_id: string | null
  /** JSON: the host that it was put on; null with one Docker host. */
  readonly host: string | null
  readonly http_port: number
  readonly https_port: number
  readonly api_port: number | null
  readonly p2p_port: number | null
  readonly forwarded: 0 | 1
  readonly host_http_port: number
  readonly config_hash: string
  /** JSON: what the caller requested. */
  readonly request: string
  readonly unclaimed_since: number | null
  readonly claim_key: string | null
  readonly adopted_at: number | null
  /** JSON: the times of the container's last restarts. */
  readonly restarts_at: string
  readonly ready_at: number | null
  readonly removal_requested_at: number | null
  readonly drain_cause: string | null
  readonly handed_out_at: number | null
  readonly last_stream_at: number | null
  readonly cache_cleaned_at: number | null
  readonly created_at: number
  readonly replaces: string | null
  readonly ended_at: number | null
}

export interface JournalBook {
  readonly id: number
  readonly at: number
  readonly kind: string
  readonly engine_id: string | null
  readonly stream_id: string | null
  readonly detail: string
}

export interface BreakerBook {
  readonly name: string
  readonly state: string
  readonly failures: number
  readonly trial_engine_id: string | null
}

export interface LeaseBook {
  readonly scope: string
  readonly port: number
  readonly engine_id: string
}

interface StreamBook {
  readonly row_id: number
  readonly stream_id: string
  readonly engine_id: string | null
  readonly container_id: string | null
  readonly playback_session_id: string
  readonly status: string
  readonly ended_at: number | null
  readonly end_reason: string | null
}

const LIVE = `status IN ('provisioning', 'starting', 'ready', 'draining')`

/** Reads the database for the checks, with SQL of its own instead of the production code. */
export class Books {
  readonly #live
  readonly #byContainer
  readonly #byId
  readonly #journal
  readonly #lastEntry
  readonly #leases
  readonly #started
  readonly #newest
  readonly #recordsUpTo
  readonly #byRow
  readonly #busy
  readonly #breakers
  readonly #keys

  constructor(database: Database) {
    this.#live = database.query<EngineBook, []>(`SELECT * FROM engines WHERE ${LIVE} ORDER BY created_at`)
    this.#byContainer = database.query<EngineBook, [string]>('SELECT * FROM engines WHERE container_id = ?')
    this.#byId = database.query<EngineBook, [string]>('SELECT * FROM engines WHERE id = ?')
    this.#journal = database.query<JournalBook, [number]>('SELECT * FROM journal WHERE id > ? ORDER BY id')
    this.#lastEntry = database.query<{ id: number }, []>('SELECT id FROM journal ORDER BY id DESC LIMIT 1')
    this.#leases = database.query<LeaseBook, []>('SELECT scope, port, engine_id FROM port_leases')
    this.#started = database.query<StreamBook, []>(`SELECT * FROM streams WHERE status = 'started'`)
    this.#newest = database.query<StreamBook, [string]>(
      'SELECT * FROM streams WHERE stream_id = ? ORDER BY row_id DESC LIMIT 1',
    )
    this.#byRow = database.query<StreamBook, [number]>('SELECT * FROM streams WHERE row_id = ?')
    this.#recordsUpTo = database.query<{ row_id: number }, [number]>(
      'SELECT row_id FROM streams WHERE row_id <= ? ORDER BY row_id DESC',
    )
    this.#busy = database.query<{ n: number }, [string]>(
      `SELECT count(*) AS n FROM streams WHERE status = 'started' AND engine_id = ?`,
    )
    this.#keys = database.query<{ n: number }, [string]>(
      'SELECT count(*) AS n FROM idempotency_keys WHERE engine_id = ?',
    )
    this.#breakers = database.query<BreakerBook, []>(
      'SELECT name, state, failures, trial_engine_id FROM breakers',
    )
  }

  live(): EngineBook[] {
    return this.#live.all()
  }

  byContainer(containerId: string): EngineBook | null {
    return this.#byContainer.get(containerId)
  }

  byId(id: string): EngineBook | null {
    return this.#byId.get(id)
  }

  journalAfter(id: number): JournalBook[] {
    return this.#journal.all(id)
  }

  lastJournalId(): number {
    return this.#lastEntry.get()?.id ?? 0
  }

  leases(): LeaseBook[] {
    return this.#leases.all()
  }

  startedStreams(): StreamBook[] {
    return this.#started.all()
  }

  /** The newest record of a stream id. */
  newestStream(streamId: string): StreamBook | null {
    return this.#newest.get(streamId)
  }

  streamOf(rowId: number): string | undefined {
    return this.#byRow.get(rowId)?.stream_id
  }

  /** The row ids of the records up to this one, newest first. */
  recordsUpTo(rowId: number): readonly number[] {
    return this.#recordsUpTo.all(rowId).map(({ row_id }) => row_id)
  }

  streamsOf(engineId: string): number {
    return this.#busy.get(engineId)?.n ?? 0
  }

  /** How many idempotency keys stand for an engine. */
  keysOf(engineId: string): number {
    return this.#keys.get(engineId)?.n ?? 0
  }

  breakers(): BreakerBook[] {
    return this.#breakers.all()
  }
}
