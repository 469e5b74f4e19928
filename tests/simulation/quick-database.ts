import { Database, type Statement } from 'bun:sqlite'
import { EMPTY_DATABASE } from '../support/empty-database.ts'

/**
 * A database in memory that is faster than usual. It compiles each SQL text once, while Drizzle compiles it at every call.
 * It repeats no read until something is written, because most queries were asked a moment ago. All calls are synchronous, so
 * no two use a statement at the same time. Nothing else may write to the database, and readers must not change the rows that
 * they get.
 */
export function quickDatabase(): Database {
  const database = Database.deserialize(EMPTY_DATABASE, { strict: true })
  const prepare = database.prepare.bind(database)
  const run = database.run.bind(database)
  const statements = new Map<string, Statement>()
  let writes = 0
  const quick = (text: string): Statement => {
    const known = statements.get(text)
    if (known !== undefined) return known
    const statement = prepare(text)
    // The beginning and end of a transaction count as writes, so rolled-back data is not remembered.
    if (/^\s*select\s/i.test(text)) remember(statement, () => writes)
    else note(statement, () => writes++)
    statements.set(text, statement)
    return statement
  }
  const write = (...args: Parameters<typeof run>): ReturnType<typeof run> => {
    writes++
    return run(...args)
  }
  return Object.assign(database, { prepare: quick, query: quick, run: write, exec: write })
}

/** Makes a statement return its earlier result for the same parameters while `version` is unchanged. */
function remember(statement: Statement, version: () => number): void {
  let readAt = -1
  const answers = new Map<string, unknown>()
  for (const way of ['all', 'get', 'values'] as const) {
    const read = statement[way].bind(statement)
    statement[way] = (...params: Parameters<typeof read>) => {
      if (readAt !== version()) answers.clear()
      readAt = version()
      const key = params.length === 0 ? way : way + JSON.stringify(params)
      if (!answers.has(key)) answers.set(key, read(...params))
      return answers.get(key) as never
    }
  }
}

/** Calls `onUse` at each use of a statement. */
function note(statement: Statement, onUse: () => void): void {
  for (const way of ['all', 'get', 'values', 'run'] as const) {
    const use = statement[way].bind(statement)
    statement[way] = ((...params: Parameters<typeof use>) => {
      onUse()
      return use(...params)
    }) as never
  }
}
