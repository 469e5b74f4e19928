import { setSetting, setting } from './settings.ts'
import type { Db } from './store.ts'

/**
 * The containers of another installation that a new database still has to take over: `unseen` until the running containers
 * are known, then their ids.
 */
export type TakeOver = 'unseen' | readonly string[]

const ID = 'installation_id'
const TAKE_OVER = 'take_over'

/** The id of this installation, created once; undefined if the database has none yet. */
export const installationId = (db: Db): string | undefined => setting(db, ID)

export const setInstallationId = (tx: Db, id: string): void => setSetting(tx, ID, id)

export const takeOver = (db: Db): TakeOver => JSON.parse(setting(db, TAKE_OVER) ?? '[]') as TakeOver

export const setTakeOver = (tx: Db, left: TakeOver): void => setSetting(tx, TAKE_OVER, JSON.stringify(left))
