import { eq, sql } from 'drizzle-orm'
import { prepared } from './prepared.ts'
import { settings } from './schema.ts'
import type { Db } from './store.ts'

const byKey = prepared((db) =>
  db
    .select()
    .from(settings)
    .where(eq(settings.key, sql.placeholder('key')))
    .prepare(),
)

/** A value that is kept across restarts, or undefined if it was never set. */
export const setting = (db: Db, key: string): string | undefined => byKey(db).get({ key })?.value

/** Removes a value, if there is one. */
export const clearSetting = (tx: Db, key: string): void => {
  tx.delete(settings).where(eq(settings.key, key)).run()
}

export const setSetting = (tx: Db, key: string, value: string): void => {
  tx.insert(settings)
    .values({ key, value })
    .onConflictDoUpdate({ target: settings.key, set: { value } })
    .run()
}
