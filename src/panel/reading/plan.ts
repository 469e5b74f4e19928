import type { Plan, Status } from '../api/types.ts'
import { count } from './words.ts'

/** The actions of a plan in words, for what comes next. */
export const ACTION_WORDS: Readonly<Record<Plan['actions'][number]['action'], string>> = {
  provision: 'Start an engine',
  replace: 'Start a successor of',
  make_room: 'Make room: drain',
  drain: 'Drain',
  recall: 'Take back into service',
  stop: 'Remove',
  fail: 'Give up',
  revive: 'Start again',
  restart: 'Restart',
  recreate: 'Make anew',
  halt: 'Stop',
}

/** Which rule decides how many engines are wanted. */
export function wantedWhy({ wanted, busy, expected }: Plan, { capacity }: Pick<Status, 'capacity'>): string {
  const { min_replicas: min, max_replicas: max } = capacity
  const used = busy + expected
  if (wanted === 0) return 'nobody watches, and none is kept'
  if (wanted === min) return `${count(min, 'is', 'are')} kept in any case`
  if (wanted === max) return 'the most that MAX_REPLICAS allows'
  return `${used} in use, and ${wanted > used ? `${wanted - used} more as a spare` : 'no spare is wanted'}`
}

/** What a change of the number of kept engines would do, as far as the plan tells. */
export function scaleWords(to: number, plan: Plan | null, { capacity }: Pick<Status, 'capacity'>): string {
  const { min_replicas: from, max_replicas: max, total } = capacity
  if (to === from) return `${from}, as it is`
  const change = `${from} → ${to}`
  if (to > max) return `${change}: no more than ${max} by MAX_REPLICAS`
  if (plan === null) return change
  // What viewers want is only known if it is more than what is kept.
  const forViewers = plan.wanted > from ? plan.wanted : 0
  const missing = Math.max(to, forViewers) - plan.serving
  if (missing > 0) return `${change}: starts ${Math.min(missing, Math.max(0, max - total))}`
  const idle = Math.max(0, plan.serving - plan.busy - plan.expected)
  const beyond = Math.min(idle, -missing)
  if (beyond > 0 && to < from)
    return `${change}: up to ${count(beyond, 'idle engine')} will go; busy ones stay`
  return `${change}: starts none now, ${count(plan.serving, 'serves', 'serve')}`
}
