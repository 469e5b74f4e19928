import { eq } from 'drizzle-orm'
import { settings } from './schema.ts'
import type { Db } from './store.ts'

/** A value kept across restarts; undefined when it was never set. */
export const setting = (db: Db, key: string): string | undefined =>
  db.select().from(settings).where(eq(settings.key, key)).get()?.value

export const setSetting = (tx: Db, key: string, value: string): void => {
  tx.insert(settings)
    .values({ key, value })
    .onConflictDoUpdate({ target: settings.key, set: { value } })
    .run()
}
