import { eq } from 'drizzle-orm'
import { type Breaker, closedBreaker } from '../core/breaker.ts'
import { breakers } from './schema.ts'
import type { Db } from './store.ts'

export type BreakerName = 'general' | 'replacement'

/** The breaker as stored; a closed one when nothing was ever noted. */
export function breakerNamed(db: Db, name: BreakerName): Breaker {
  const row = db.select().from(breakers).where(eq(breakers.name, name)).get()
  if (row === undefined) return closedBreaker
  const { name: _, ...breaker } = row
  return breaker
}

export const saveBreaker = (tx: Db, name: BreakerName, breaker: Breaker): void => {
  tx.insert(breakers)
    .values({ name, ...breaker })
    .onConflictDoUpdate({ target: breakers.name, set: breaker })
    .run()
}
