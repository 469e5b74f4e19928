import type { Db } from './store.ts'

/**
 * Returns a function that builds and compiles a query once per database, instead of at each use. Building is the larger part
 * of the cost of a small query. Variable values are `sql.placeholder`s. The query also works inside a transaction of that
 * database.
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

/**
 * A database and its transactions share one session. The property is not public in drizzle 0.45; the tests of the store
 * notice if it changes.
 */
const sessionOf = (db: Db): object => (db as unknown as { readonly session: object }).session
