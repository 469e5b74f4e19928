import { desc, eq, inArray, lt } from 'drizzle-orm'
import { PRUNE_BATCH } from './prune.ts'
import { idempotencyKeys } from './schema.ts'
import type { Db } from './store.ts'

/** What an idempotency key stands for: one request and the engine that answered it. */
export interface IdempotencyRecord {
  readonly key: string
  readonly requestHash: string
  readonly engineId: string
}

export const idempotencyRecord = (db: Db, key: string): IdempotencyRecord | undefined =>
  db.select().from(idempotencyKeys).where(eq(idempotencyKeys.key, key)).get()

/** Binds a key to an engine. Replaces an earlier binding to an engine that is gone. */
export const bindKey = (tx: Db, record: IdempotencyRecord, nowMs: number): void => {
  const { requestHash, engineId } = record
  tx.insert(idempotencyKeys)
    .values({ ...record, createdAt: nowMs })
    .onConflictDoUpdate({ target: idempotencyKeys.key, set: { requestHash, engineId, createdAt: nowMs } })
    .run()
}

/** Deletes the keys of an engine. A failure is not kept, so the next call with the key tries again. */
export const forgetKeysOf = (tx: Db, engineId: string): void => {
  tx.delete(idempotencyKeys).where(eq(idempotencyKeys.engineId, engineId)).run()
}

/** Keeps the newest `keep` keys that are not older than `before`. Returns whether there may be more to delete. */
export function pruneKeys(tx: Db, keep: number, before: number): boolean {
  const found = () => tx.select({ key: idempotencyKeys.key }).from(idempotencyKeys)
  const surplus = found().orderBy(desc(idempotencyKeys.createdAt)).limit(PRUNE_BATCH).offset(keep).all()
  const old = found().where(lt(idempotencyKeys.createdAt, before)).limit(PRUNE_BATCH).all()
  const keys = [...surplus, ...old].map(({ key }) => key)
  if (keys.length > 0) tx.delete(idempotencyKeys).where(inArray(idempotencyKeys.key, keys)).run()
  return Math.max(surplus.length, old.length) === PRUNE_BATCH
}
