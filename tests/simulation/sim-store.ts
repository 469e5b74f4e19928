import type { Database } from 'bun:sqlite'
import { createStore, type Store } from '../../src/store/store.ts'
import type { Life } from './life.ts'

/**
 * The production store on a database that outlives every crash, like the file. It refuses everything after the death of its
 * life. `onCommit` is called after each commit, before anything else happens. Then `write` lets the time of the commit pass.
 */
export function storeOf(life: Life, client: Database, onCommit: () => void, write: () => void): Store {
  const store = createStore(client)
  store.onCommit(() => {
    onCommit()
    write()
  })
  const record = (work: Parameters<Store['record']>[0]): void => {
    store.record(work)
    write()
  }
  return new Proxy(store, {
    get: (_, name: keyof Store) => {
      if (name === 'close') return () => undefined
      life.assertAlive()
      if (name === 'record') return record
      const member: unknown = Reflect.get(store, name)
      return typeof member === 'function' ? member.bind(store) : member
    },
  })
}
