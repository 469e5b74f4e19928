import { endClassOf, isCut } from '../../core/streams/end-reasons.ts'
import type { Stream } from '../api/types.ts'

export const HOUR_MS = 3_600_000

/** Streams of the last hour that neither their viewer nor their proxy ended. */
export const cutsOf = (ended: readonly Stream[], nowMs: number): readonly Stream[] =>
  ended.filter(
    ({ ended_at, end_reason }) =>
      ended_at !== null && nowMs - Date.parse(ended_at) < HOUR_MS && isCut(endClassOf(end_reason ?? '')),
  )
