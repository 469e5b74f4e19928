import type { Database } from 'bun:sqlite'
import type { Config } from '../../src/config/config.ts'
import { embeddedMigrations } from '../../src/store/migrations.ts'
import type { History } from '../../src/wire/settings.ts'

/** How many rows a table has, and how many it may have. */
export interface TableLook {
  readonly table: string
  readonly rows: number
  readonly bound: number
}

export interface BoundsOf {
  readonly config: Pick<Config, 'MAX_REPLICAS'>
  readonly history: History
  /** Rows that may be added to one table between two sweeps. */
  readonly late: number
}

const PORT_KINDS = 4
/** Settings such as the number of the next engine and the last `/scale` order. */
const SETTINGS_MAX = 16
const BREAKERS = 2

/** Counts the rows of every table in the database. A table without a bound may have no rows. */
export function lookAtTables(database: Database, of: BoundsOf): readonly TableLook[] {
  const count = (from: string): number =>
    database.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${from}`).get()?.n ?? 0
  const tables = database
    .query<{ name: string }, []>(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
    .all()
  const started = count(`streams WHERE status = 'started'`)
  const bounds = boundsOf(of, started, tables.length)
  return tables.map(({ name }) => ({ table: name, rows: count(`"${name}"`), bound: bounds[name] ?? 0 }))
}

/** Started streams and live engines are kept in addition to the history. */
function boundsOf(
  { config, history, late }: BoundsOf,
  started: number,
  tables: number,
): Record<string, number> {
  return {
    engines: history.engines.rows + config.MAX_REPLICAS + late,
    streams: history.streams.rows + started + late,
    stream_stats: history.samples,
    journal: history.journal.rows + late,
    idempotency_keys: history.idempotencyKeys.rows + late,
    port_leases: PORT_KINDS * (config.MAX_REPLICAS + 1),
    breakers: BREAKERS,
    settings: SETTINGS_MAX,
    sqlite_sequence: tables,
    __drizzle_migrations: embeddedMigrations().length,
  }
}

/**
 * A stream ends when its end is reported, and the commit that reports share comes a moment later. A round of samples may be
 * between the two.
 */
const COMMIT_WAIT_MS = 1_000

/** Faults of the samples: too many of one stream, gaps in their numbers, or a time when the stream was not started. */
export function samplesFaults(database: Database, perStream: number): readonly string[] {
  const of = database.query<{ id: number; n: number; span: number }, []>(
    'SELECT stream_row_id AS id, count(*) AS n, max(seq) - min(seq) + 1 AS span FROM stream_stats GROUP BY stream_row_id',
  )
  const misplaced = database.query<{ id: number; n: number }, []>(
    `SELECT row_id AS id, count(*) AS n FROM stream_stats JOIN streams ON row_id = stream_row_id
     WHERE at < started_at OR at > ended_at + ${COMMIT_WAIT_MS} OR container_id IS NULL GROUP BY row_id`,
  )
  const outside = misplaced
    .all()
    .map(({ id, n }) => `${n} samples of row ${id} are of no started stream of ours`)
  const counted = of
    .all()
    .flatMap(({ id, n, span }) => [
      ...(n > perStream ? [`the stream of row ${id} has ${n} samples, more than ${perStream}`] : []),
      ...(n === span ? [] : [`the ${n} samples of row ${id} are numbered over ${span}`]),
    ])
  return [...outside, ...counted]
}
