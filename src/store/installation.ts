import { setSetting, setting } from './settings.ts'
import type { Db } from './store.ts'

/**
 * What a new database has still to take over of another installation: `unseen` until it is known which containers run, then
 * their ids.
 */
export type TakeOver = 'unseen' | readonly string[]

const ID = 'installation_id'
const TAKE_OVER = 'take_over'

/** The id of this installation, made once; undefined in a database that has none yet. */
export const installationId = (db: Db): string | undefined => setting(db, ID)

export const setInstallationId = (tx: Db, id: string): void => setSetting(tx, ID, id)

export const takeOver = (db: Db): TakeOver => JSON.parse(setting(db, TAKE_OVER) ?? '[]') as TakeOver

export const setTakeOver = (tx: Db, left: TakeOver): void => setSetting(tx, TAKE_OVER, JSON.stringify(left))
