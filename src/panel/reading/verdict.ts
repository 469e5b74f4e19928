import type { Engine, Status } from '../api/types.ts'
import { count } from './words.ts'

/** How good or bad something is, which decides its colour and its shape. */
export type Tone = 'ok' | 'warn' | 'bad' | 'busy' | 'unknown'

/** An answer for people: a word, a sentence, and what to do if it is not good. */
export interface Answer {
  readonly tone: Tone
  readonly word: string
  readonly text: string
  readonly remedy: string | null
}

/** Whether a proxy would find this engine free: it is listed, works, and nobody plays on it or is on the way to it. */
export const isFree = (engine: Engine): boolean =>
  engine.listed &&
  engine.expected_until === null &&
  engine.plays_nothing_since === null &&
  engine.streams.length === 0

/**
 * Whether a viewer can get an engine now. A free engine is enough; whether one more could be started matters only without
 * one.
 */
export function canWatch({ provisioning, capacity }: Status, engines: readonly Engine[]): Answer {
  const free = engines.filter(isFree).length
  const room = Math.max(0, capacity.max_replicas - engines.length)
  const blocked = provisioning.blocked_reason_details
  if (free > 0) {
    const more = provisioning.can_provision
      ? `, ${room} more can start`
      : blocked === null
        ? ''
        : `; ${blocked.message}`
    return { tone: 'ok', word: 'Yes', text: `${count(free, 'engine')} free${more}`, remedy: null }
  }
  if (provisioning.can_provision)
    return { tone: 'ok', word: 'Yes, after a start', text: `none is free, ${room} can start`, remedy: null }
  const text = blocked?.message ?? 'the server does not say why'
  const isFull = blocked?.code === 'max_capacity'
  return {
    tone: isFull ? 'warn' : 'bad',
    word: 'Not now',
    text: isFull ? `${engines.length} of ${capacity.max_replicas} engines, all busy` : text,
    remedy: isFull ? 'raise MAX_REPLICAS, or wait until a viewer leaves' : null,
  }
}
