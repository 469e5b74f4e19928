import { and, count, desc, eq, inArray, isNotNull, isNull, lt, or, sql } from 'drizzle-orm'
import { type Engine, type EngineStatus, LIVE_STATUSES, type LiveStatus } from '../core/types.ts'
import { releaseLeases } from './leases.ts'
import { prepared } from './prepared.ts'
import { ENGINES_BATCH } from './prune.ts'
import { engines } from './schema.ts'
import { setSetting, setting } from './settings.ts'
import type { Db } from './store.ts'

const isLiveRow = inArray(engines.status, [...LIVE_STATUSES])

const live = prepared((db) => db.select().from(engines).where(isLiveRow).prepare())
const wantedPorts = sql`(select value from json_each(${sql.placeholder('ports')}))`
const liveAt = prepared((db) =>
  db
    .select()
    .from(engines)
    .where(
      and(
        isLiveRow,
        or(
          sql`${engines.hostHttpPort} in ${wantedPorts}`,
          sql`${engines.httpPort} in ${wantedPorts}`,
          eq(engines.containerId, sql.placeholder('containerId')),
        ),
      ),
    )
    .prepare(),
)
const liveCount = prepared((db) => db.select({ n: count() }).from(engines).where(isLiveRow).prepare())
const byId = prepared((db) =>
  db
    .select()
    .from(engines)
    .where(eq(engines.id, sql.placeholder('id')))
    .prepare(),
)
const byContainer = prepared((db) =>
  db
    .select()
    .from(engines)
    .where(eq(engines.containerId, sql.placeholder('containerId')))
    .prepare(),
)

const lastStreamAt = sql`${sql.placeholder('atMs')}`
const isGiven = eq(engines.id, sql.placeholder('id'))
const streamStarted = prepared((db) =>
  db
    .update(engines)
    .set({ lastStreamAt, unclaimedSince: null, claimKey: null, startedAhead: false })
    .where(isGiven)
    .prepare(),
)
const streamEnded = prepared((db) => db.update(engines).set({ lastStreamAt }).where(isGiven).prepare())

const unclaimed = prepared((db) =>
  db
    .select()
    .from(engines)
    .where(
      and(
        eq(engines.requestHash, sql.placeholder('requestHash')),
        isNotNull(engines.unclaimedSince),
        isNull(engines.removalRequestedAt),
        inArray(engines.status, ['provisioning', 'starting', 'ready']),
      ),
    )
    .prepare(),
)

const booting = prepared((db) =>
  db
    .select()
    .from(engines)
    .where(
      and(
        eq(engines.requestHash, sql.placeholder('requestHash')),
        eq(engines.configHash, sql.placeholder('configHash')),
        isNull(engines.handedOutAt),
        isNull(engines.readyAt),
        isNull(engines.adoptedAt),
        isNull(engines.unclaimedSince),
        isNull(engines.removalRequestedAt),
        inArray(engines.status, ['provisioning', 'starting']),
      ),
    )
    .prepare(),
)

/**
 * Sorts engines that were read. SQLite would copy these long rows to sort them, which costs several times as much as finding
 * them, even if it finds one.
 */
const oldestFirst = (found: readonly Engine[]): Engine[] =>
  found.toSorted((a, b) => a.createdAt - b.createdAt)

/** All engines that are neither gone nor failed, oldest first. */
export const liveEngines = (db: Db): Engine[] => oldestFirst(live(db).all())

/** The live engines that have one of these ports, inside or outside their container, or this container; oldest first. */
export const liveEnginesAt = (db: Db, ports: readonly number[], containerId: string | null): Engine[] =>
  oldestFirst(liveAt(db).all({ ports: JSON.stringify(ports), containerId }))

/** How many engines count against `MAX_REPLICAS`. */
export const countLiveEngines = (db: Db): number => liveCount(db).get()?.n ?? 0

export const engineById = (db: Db, id: string): Engine | undefined => byId(db).get({ id })

export const engineByContainer = (db: Db, containerId: string): Engine | undefined =>
  byContainer(db).get({ containerId })

/** The oldest unclaimed engine that matches the request, is not reserved for another key, and is usable. */
export function claimableEngine(
  db: Db,
  requestHash: string,
  key: string | null,
  isUsable: (engine: Engine) => boolean,
): Engine | undefined {
  return oldestFirst(unclaimed(db).all({ requestHash })).find(
    (engine) => (engine.claimKey === null || engine.claimKey === key) && isUsable(engine),
  )
}

/**
 * The oldest engine that Roundhouse started by itself, that has not answered yet, that no caller has, and that is usable.
 * Only an engine of this request and configuration is returned.
 */
export const bootingEngine = (
  db: Db,
  wanted: Pick<Engine, 'requestHash' | 'configHash'>,
  isUsable: (engine: Engine) => boolean,
): Engine | undefined => oldestFirst(booting(db).all(wanted)).find(isUsable)

export const insertEngine = (tx: Db, engine: Engine): void => {
  tx.insert(engines).values(engine).run()
}

/** Notes that a stream started on an engine. A caller has the engine, so it is no longer unclaimed. */
export const noteStreamStart = (tx: Db, id: string, atMs: number): void => {
  streamStarted(tx).run({ id, atMs })
}

/** Notes that a stream ended on an engine. */
export const noteStreamEnd = (tx: Db, id: string, atMs: number): void => {
  streamEnded(tx).run({ id, atMs })
}

/** Changes an existing row. Only `transition` and `retire` change the status. */
export const updateEngine = (tx: Db, id: string, change: Partial<Omit<Engine, 'id' | 'status'>>): void => {
  tx.update(engines).set(change).where(eq(engines.id, id)).run()
}

type Change = Partial<Omit<Engine, 'id' | 'status'>>

/**
 * Moves an engine from one of the statuses in `from` to another, together with other changes. Returns false if the engine
 * has none of those statuses: something else moved it, and the caller must read it again.
 */
export const transition = (
  tx: Db,
  id: string,
  from: readonly EngineStatus[],
  to: LiveStatus,
  change: Change = {},
): boolean => move(tx, id, from, to, change)

/**
 * Moves an engine to history and releases its leases; otherwise works like `transition`. It is one step of ending an engine,
 * see `control/engines/endings`.
 */
export function retire(
  tx: Db,
  id: string,
  from: readonly EngineStatus[],
  to: Exclude<EngineStatus, LiveStatus>,
  change: Change,
): boolean {
  const isMoved = move(tx, id, from, to, change)
  if (isMoved) releaseLeases(tx, id)
  return isMoved
}

const move = (tx: Db, id: string, from: readonly EngineStatus[], to: EngineStatus, change: Change): boolean =>
  tx
    .update(engines)
    .set({ ...change, status: to })
    .where(and(eq(engines.id, id), inArray(engines.status, [...from])))
    .returning({ id: engines.id })
    .all().length > 0

const NEXT_NUMBER = 'next_engine_number'

/** Restarts at 1 if an earlier version stored a number, taken from a container's name, that has no safe successor. */
function nextNumber(db: Db): number {
  const number = Number(setting(db, NEXT_NUMBER) ?? 1)
  return Number.isSafeInteger(number + 1) ? number : 1
}

/** Takes the number for the next engine's name. Each call returns a different number. */
export function takeEngineNumber(tx: Db): number {
  const number = nextNumber(tx)
  setSetting(tx, NEXT_NUMBER, String(number + 1))
  return number
}

/** Whether the database ever had an engine, including engines that were pruned since. */
export const hasHadEngines = (db: Db): boolean =>
  setting(db, NEXT_NUMBER) !== undefined ||
  db.select({ id: engines.id }).from(engines).limit(1).get() !== undefined

/** Makes sure that later numbers are higher than `seen`, a number found on a container. */
export function skipEngineNumber(tx: Db, seen: number): void {
  if (nextNumber(tx) <= seen) setSetting(tx, NEXT_NUMBER, String(seen + 1))
}

/** Keeps the newest `keep` rows of history that did not end before `before`. Returns whether there may be more to delete. */
export function pruneEngines(tx: Db, keep: number, before: number): boolean {
  const isHistory = inArray(engines.status, ['gone', 'failed'])
  const found = () => tx.select({ id: engines.id }).from(engines)
  const surplus = found()
    .where(isHistory)
    .orderBy(desc(engines.endedAt))
    .limit(ENGINES_BATCH)
    .offset(keep)
    .all()
  const old = found()
    .where(and(isHistory, lt(engines.endedAt, before)))
    .limit(ENGINES_BATCH)
    .all()
  const ids = [...surplus, ...old].map(({ id }) => id)
  if (ids.length > 0) tx.delete(engines).where(inArray(engines.id, ids)).run()
  return Math.max(surplus.length, old.length) === ENGINES_BATCH
}
