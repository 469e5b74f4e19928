import { eq, sql } from 'drizzle-orm'
import type { Replacement } from '../core/situation.ts'
import { prepared } from './prepared.ts'
import { engines } from './schema.ts'
import { setSetting, setting } from './settings.ts'
import type { Db } from './store.ts'

/** What an operator last said with `/scale`. It stands until the next word, or until `MIN_REPLICAS` is changed. */
export interface ScaleOrder {
  /** Engines wanted, within `MAX_REPLICAS`. */
  readonly replicas: number
  /** `MIN_REPLICAS` at that time. */
  readonly minReplicas: number
  readonly atMs: number
}

const SCALE_ORDER = 'scale_order'
const REPLACEMENT = 'replacement'

/** The order that stands under this `MIN_REPLICAS`; null when there is none. */
export function scaleOrder(db: Db, minReplicas: number): ScaleOrder | null {
  const order = stored<ScaleOrder>(db, SCALE_ORDER)
  return order?.minReplicas === minReplicas ? order : null
}

export const setScaleOrder = (tx: Db, order: ScaleOrder): void =>
  setSetting(tx, SCALE_ORDER, JSON.stringify(order))

const successorOf = prepared((db) =>
  db
    .select({ id: engines.id })
    .from(engines)
    .where(eq(engines.replaces, sql.placeholder('engineId')))
    .limit(1)
    .prepare(),
)

/** The replacement that was begun last; null when none ever was. */
export function lastReplacement(db: Db): Replacement | null {
  const noted = stored<Omit<Replacement, 'isStarted'>>(db, REPLACEMENT)
  if (noted === null) return null
  const successor = successorOf(db).get({ engineId: noted.engineId })
  return { ...noted, isStarted: successor !== undefined }
}

export const noteReplacement = (tx: Db, noted: Omit<Replacement, 'isStarted'>): void =>
  setSetting(tx, REPLACEMENT, JSON.stringify(noted))

const stored = <T>(db: Db, key: string): T | null => JSON.parse(setting(db, key) ?? 'null') as T | null
