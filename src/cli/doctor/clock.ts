import { type Asked, fault, ok, type Row, unanswered, warning } from './row.ts'

/** Larger differences make starts of engines lie in the future, or long ago. */
const FAULT_MS = 60_000
/** Smaller ones are those of the question's own way. */
const WARNING_MS = 2_000

/** Our clock against Docker's. `aheadMs` is how far ours is ahead. */
export function clockRow(asked: Asked<{ readonly aheadMs: number }>): Row {
  if (asked.kind !== 'answer') return unanswered('clock', asked)
  const { aheadMs } = asked.value
  const apart = Math.abs(aheadMs)
  if (apart < WARNING_MS) return ok('clock', 'the clock here and that of Docker agree')
  const message = `the clock here is ${Math.round(apart / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of Docker`
  const remedy = 'set both by a time server (NTP); on a virtual machine restart it after a long sleep'
  return (apart < FAULT_MS ? warning : fault)('clock', message, remedy)
}
