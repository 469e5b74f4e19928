import { eq, sql } from 'drizzle-orm'
import type { Replacement } from '../core/plan/fleet-snapshot.ts'
import { prepared } from './prepared.ts'
import { engines } from './schema.ts'
import { clearSetting, setSetting, setting } from './settings.ts'
import type { Db } from './store.ts'

/** The last `/scale` order of an operator. It is valid until the next one, until it is undone, or until `MIN_REPLICAS` is changed. */
export interface ScaleOrder {
  /** Number of wanted engines, at most `MAX_REPLICAS`. */
  readonly replicas: number
  /** The value of `MIN_REPLICAS` when the order was given. */
  readonly minReplicas: number
  readonly atMs: number
}

type NotedReplacement = Omit<Replacement, 'isStarted'>

const SCALE_ORDER = 'scale_order'
const REPLACEMENT = 'replacement'

/** The order that is valid with this `MIN_REPLICAS`, or null if there is none. */
export function scaleOrder(db: Db, minReplicas: number): ScaleOrder | null {
  const order = storedOrder(db)
  return order?.minReplicas === minReplicas ? order : null
}

/** The last order, valid or not, or null if none was ever given. */
export const storedOrder = (db: Db): ScaleOrder | null => stored<ScaleOrder>(db, SCALE_ORDER)

export const setScaleOrder = (tx: Db, order: ScaleOrder): void =>
  setSetting(tx, SCALE_ORDER, JSON.stringify(order))

export const clearScaleOrder = (tx: Db): void => clearSetting(tx, SCALE_ORDER)

const successorOf = prepared((db) =>
  db
    .select({ id: engines.id })
    .from(engines)
    .where(eq(engines.replaces, sql.placeholder('engineId')))
    .limit(1)
    .prepare(),
)

/** The replacement that began last, or null if none ever began. */
export function lastReplacement(db: Db): Replacement | null {
  const noted = notedReplacement(db)
  if (noted === null) return null
  const successor = successorOf(db).get({ engineId: noted.engineId })
  return { ...noted, isStarted: successor !== undefined }
}

/** What was stored when the last replacement began, or null if none ever began. */
export const notedReplacement = (db: Db): NotedReplacement | null => stored<NotedReplacement>(db, REPLACEMENT)

export const noteReplacement = (tx: Db, noted: NotedReplacement): void =>
  setSetting(tx, REPLACEMENT, JSON.stringify(noted))

const stored = <T>(db: Db, key: string): T | null => JSON.parse(setting(db, key) ?? 'null') as T | null
