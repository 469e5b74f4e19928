import { Database, type Statement } from 'bun:sqlite'
import { EMPTY_DATABASE } from '../support/empty-database.ts'

/**
 * A database in memory that compiles each text once, which Drizzle does at every call, and reads nothing twice until something is
 * written: most of what is asked was asked a moment ago. All calls are synchronous, so that no two use one statement at the same
 * time. Nobody else may write to it, and who gets rows must leave them as they are.
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
    // A transaction's beginning and end count as writes, so what it wrote and gave up is not remembered.
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

/** What a statement has read is given again, for the same parameters, while `version` is the same. */
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

/** Tells of each use of a statement. */
function note(statement: Statement, onUse: () => void): void {
  for (const way of ['all', 'get', 'values', 'run'] as const) {
    const use = statement[way].bind(statement)
    statement[way] = ((...params: Parameters<typeof use>) => {
      onUse()
      return use(...params)
    }) as never
  }
}
