import type { Database } from 'bun:sqlite'
import { createStore, type Store } from '../../src/store/store.ts'
import type { Life } from './life.ts'

/**
 * The production store on a database that outlives every crash, as the file does. It refuses everything after the death
 * of the life that holds it. `onCommit` is told after each commit, while nothing else has happened yet.
 */
export function storeOf(life: Life, client: Database, onCommit: () => void): Store {
  const store = createStore(client)
  store.onCommit(onCommit)
  return {
    get db() {
      life.assertAlive()
      return store.db
    },
    transact: (work) => {
      life.assertAlive()
      return store.transact(work)
    },
    record: (work) => {
      life.assertAlive()
      store.record(work)
    },
    version: () => {
      life.assertAlive()
      return store.version()
    },
    onCommit: (listener) => store.onCommit(listener),
    close: () => undefined,
  }
}
