import type { Db } from './store.ts'

/**
 * Gives a query that is built and compiled once for each database, not at each use: building is what costs most of a
 * small query. What varies stands in it as `sql.placeholder`. It may be used inside a transaction of that database, too.
 */
export function prepared<Query>(build: (db: Db) => Query): (db: Db) => Query {
  const known = new WeakMap<object, Query>()
  return (db) => {
    const session = sessionOf(db)
    const query = known.get(session) ?? build(db)
    known.set(session, query)
    return query
  }
}

/** A database and its transactions share one session. Not public in drizzle 0.45, and held by the tests of the store. */
const sessionOf = (db: Db): object => (db as unknown as { readonly session: object }).session
