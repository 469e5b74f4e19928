import { overrideWarning, type ScaleOverride } from '../../core/reporting/scale-override.ts'
import { type Row, warning } from './row.ts'

export interface ScaleFacts {
  /** The setting of the next start. */
  readonly minReplicas: number
  /** The last `/scale` order in the database; null if there is none, or that can't be told. */
  readonly order: ScaleOverride | null
}

/** Whether an order of an operator overrides `MIN_REPLICAS`. One given under another value of it ends with the next start. */
export function scaleRows({ minReplicas, order }: ScaleFacts): readonly Row[] {
  const isOverriding = order?.minReplicas === minReplicas && order.replicas !== minReplicas
  const told = overrideWarning(isOverriding ? order : null)
  return told === null ? [] : [warning('min_replicas', told.message, told.remedy)]
}
