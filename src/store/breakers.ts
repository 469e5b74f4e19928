import { eq, sql } from 'drizzle-orm'
import { type Breaker, closedBreaker } from '../core/provisioning/breaker.ts'
import { prepared } from './prepared.ts'
import { breakers } from './schema.ts'
import type { Db } from './store.ts'

export const BREAKERS = ['general', 'replacement'] as const

export type BreakerName = (typeof BREAKERS)[number]

const byName = prepared((db) =>
  db
    .select()
    .from(breakers)
    .where(eq(breakers.name, sql.placeholder('name')))
    .prepare(),
)

/** The stored breaker, or a closed one if nothing was ever stored. */
export function breakerNamed(db: Db, name: BreakerName): Breaker {
  const row = byName(db).get({ name })
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
