import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type {
  ContainerState,
  DrainCause,
  Engine,
  EngineHost,
  EngineRequest,
  EngineStatus,
  PortKind,
  StopCause,
} from '../core/types.ts'

/*
 * The tables that hold the state of engines, streams, leases, breakers and orders. Times are epoch milliseconds. The column
 * names are the snake_case form of the field names.
 */

export const engines = sqliteTable(
  'engines',
  {
    id: text().primaryKey(),
    status: text().$type<EngineStatus>().notNull(),
    reason: text(),
    name: text().notNull(),
    containerId: text(),
    image: text().notNull(),
    imageId: text(),
    request: text({ mode: 'json' }).$type<EngineRequest>().notNull(),
    requestHash: text().notNull(),
    configHash: text().notNull(),
    scope: text().notNull(),
    vpnNode: text(),
    host: text({ mode: 'json' }).$type<EngineHost>(),
    forwarded: integer({ mode: 'boolean' }).notNull(),
    httpPort: integer().notNull(),
    httpsPort: integer().notNull(),
    apiPort: integer(),
    p2pPort: integer(),
    hostHttpPort: integer().notNull(),
    hostHttpsPort: integer(),
    labels: text({ mode: 'json' }).$type<Engine['labels']>().notNull(),
    containerState: text().$type<ContainerState>(),
    networkContainerId: text('donor_id'),
    address: text(),
    networks: text({ mode: 'json' }).$type<readonly string[]>().notNull(),
    createdAt: integer().notNull(),
    containerStartedAt: integer(),
    readyAt: integer(),
    handedOutAt: integer(),
    unclaimedSince: integer(),
    claimKey: text(),
    startedAhead: integer({ mode: 'boolean' }).notNull().default(false),
    adoptedAt: integer(),
    removalRequestedAt: integer(),
    lastStreamAt: integer(),
    replaces: text(),
    drainCause: text().$type<DrainCause>(),
    drainingSince: integer(),
    stoppedAt: integer(),
    stopCause: text().$type<StopCause>(),
    restartCount: integer().notNull().default(0),
    restartsAt: text({ mode: 'json' }).$type<readonly number[]>().notNull().default([]),
    endedAt: integer(),
    failedAttemptAt: integer(),
    cacheCleanedAt: integer(),
    cacheSizeBytes: integer(),
  },
  (table) => [
    // A container belongs to at most one engine.
    uniqueIndex('engines_container').on(table.containerId),
    index('engines_status').on(table.status, table.endedAt),
    index('engines_replaces').on(table.replaces),
  ],
)

export const portLeases = sqliteTable(
  'port_leases',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    scope: text().notNull(),
    port: integer().notNull(),
    kind: text().$type<PortKind>().notNull(),
    engineId: text()
      .notNull()
      .references(() => engines.id, { onDelete: 'cascade' }),
    leasedAt: integer().notNull(),
  },
  (table) => [
    uniqueIndex('port_leases_scope_port').on(table.scope, table.port),
    index('port_leases_engine').on(table.engineId),
  ],
)

export const streams = sqliteTable(
  'streams',
  {
    rowId: integer().primaryKey({ autoIncrement: true }),
    streamId: text().notNull(),
    engineId: text().references(() => engines.id, { onDelete: 'set null' }),
    containerId: text(),
    keyType: text().notNull(),
    key: text().notNull(),
    playbackSessionId: text().notNull(),
    statUrl: text().notNull(),
    commandUrl: text().notNull(),
    isLive: integer({ mode: 'boolean' }).notNull(),
    status: text().$type<'started' | 'ended'>().notNull(),
    startedAt: integer().notNull(),
    endedAt: integer(),
    endReason: text(),
  },
  (table) => [
    // There is one open record per stream id, so a repeated `started` event can't open a second one.
    uniqueIndex('streams_started').on(table.streamId).where(sql`status = 'started'`),
    index('streams_id').on(table.streamId, table.rowId),
    index('streams_engine').on(table.engineId, table.status),
    index('streams_ended').on(table.status, table.endedAt),
  ],
)

export const streamStats = sqliteTable(
  'stream_stats',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    streamRowId: integer()
      .notNull()
      .references(() => streams.rowId, { onDelete: 'cascade' }),
    /** Counts the samples of one stream, from 1. */
    seq: integer().notNull().default(0),
    at: integer().notNull(),
    peers: integer(),
    /** KB/s. */
    speedDown: integer(),
    speedUp: integer(),
    /** Bytes. */
    downloaded: integer(),
    uploaded: integer(),
    status: text(),
    /** Playback position and live window, as Unix seconds. */
    livePos: integer(),
    liveFirst: integer(),
    liveLast: integer(),
    bufferPieces: integer(),
  },
  (table) => [index('stream_stats_seq').on(table.streamRowId, table.seq)],
)

export const journal = sqliteTable(
  'journal',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    at: integer().notNull(),
    kind: text().notNull(),
    engineId: text(),
    streamId: text(),
    detail: text({ mode: 'json' }).$type<Readonly<Record<string, unknown>>>().notNull(),
  },
  (table) => [
    index('journal_engine').on(table.engineId, table.id),
    index('journal_stream').on(table.streamId, table.id),
    index('journal_kind').on(table.kind, table.id),
    index('journal_at').on(table.at),
  ],
)

export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    key: text().primaryKey(),
    requestHash: text().notNull(),
    engineId: text()
      .notNull()
      .references(() => engines.id, { onDelete: 'cascade' }),
    createdAt: integer().notNull(),
  },
  (table) => [index('idempotency_keys_created').on(table.createdAt)],
)

export const breakers = sqliteTable('breakers', {
  name: text().$type<'general' | 'replacement'>().primaryKey(),
  state: text().$type<'closed' | 'open' | 'half_open'>().notNull(),
  failures: integer().notNull(),
  openedAt: integer(),
  lastFailureAt: integer(),
  lastFailureReason: text(),
  lastSuccessAt: integer(),
  trialEngineId: text(),
})

export const settings = sqliteTable('settings', {
  key: text().primaryKey(),
  value: text().notNull(),
})
