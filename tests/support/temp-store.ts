import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type Store } from '../../src/store/store.ts'
import { EMPTY_DATABASE } from './empty-database.ts'

/** A store on a file of its own. `reopen` opens the file again, as a restart does. */
export interface TempStore {
  readonly path: string
  readonly store: Store
  readonly reopen: () => Store
  readonly dispose: () => void
}

export function tempStore(): TempStore {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-store-'))
  const path = join(folder, 'orchestrator.db')
  writeFileSync(path, EMPTY_DATABASE, { mode: 0o600 })
  let store = openStore(path)
  return {
    path,
    get store() {
      return store
    },
    reopen: () => {
      store.close()
      store = openStore(path)
      return store
    },
    dispose: () => {
      store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
