import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { drizzle } from 'drizzle-orm/bun-sqlite'
import * as schema from '../../../src/store/schema.ts'
import type { Db } from '../../../src/store/store.ts'
import { startedSizeOf, startedStream } from '../../../src/store/streams.ts'
import { tempStore } from '../../support/temp-store.ts'

/* Queries that each event asks. */

/** What SQLite does for a query of ours, planned without its values: then it needs no other plan for other values. */
function planOf(ask: (db: Db) => unknown): readonly string[] {
  const temp = tempStore()
  const client = new Database(temp.path, { readonly: true })
  try {
    const asked: string[] = []
    const logger = { logQuery: (query: string) => asked.push(query) }
    ask(drizzle({ client, schema, casing: 'snake_case', logger }))
    const explained = asked.map((query) =>
      client.query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${query}`),
    )
    return explained.flatMap((each) => each.all().map(({ detail }) => detail))
  } finally {
    client.close()
    temp.dispose()
  }
}

test('the open record of an id is found among the started ones only', () => {
  const steps = planOf((db) => startedStream(db, 'one'))
  expect(steps).toEqual(['SEARCH streams USING INDEX streams_started (stream_id=?)'])
})

test('the started records of an engine are found by the engine', () => {
  const steps = planOf((db) => startedSizeOf(db, 'engine-1'))
  expect(steps).toEqual(['SEARCH streams USING INDEX streams_engine (engine_id=? AND status=?)'])
})
