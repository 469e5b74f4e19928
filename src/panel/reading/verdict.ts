import { refusalRemedy } from '../../core/provisioning/remedies.ts'
import type { Engine, Status, Vpn } from '../api/types.ts'
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

/** Whether a viewer can get an engine now, with the time at which that may be otherwise; null if nobody knows. */
export interface Verdict extends Answer {
  readonly untilMs: number | null
  /** Whether a circuit breaker is why none can start: its last faults and its reset are on another page. */
  readonly isBreaker: boolean
}

/** Whether a proxy would find this engine free: it is listed, works, and nobody plays on it or is on the way to it. */
export const isFree = (engine: Engine): boolean =>
  engine.listed && engine.plays_nothing_since === null && !isTaken(engine)

/**
 * Whether a viewer can get an engine now. A free engine is enough; whether one more could be started matters only without
 * one.
 */
export function canWatch(status: Status, engines: readonly Engine[], vpn: Vpn | null = null): Verdict {
  const { provisioning, capacity } = status
  const free = engines.filter(isFree).length
  const room = Math.max(0, capacity.max_replicas - engines.length)
  const refused = refusalOf(status, engines, vpn)
  const { untilMs, isBreaker } = refused
  if (free > 0) {
    const fine = { tone: 'ok', word: 'Yes', remedy: null, untilMs: null, isBreaker: false } as const
    const some = count(free, 'engine')
    if (provisioning.can_provision) return { ...fine, text: `${some} free, ${room} more can start` }
    if (isFull(status)) return { ...fine, text: `${ofAll(status, engines)}, ${free} free` }
    const { text, remedy } = refused
    return { ...fine, text: `${some} free; none can start: ${text}`, remedy, untilMs, isBreaker }
  }
  if (!provisioning.can_provision) return refused
  const text = `none is free, ${room} can start`
  return { tone: 'ok', word: 'Yes, after a start', text, remedy: null, untilMs: null, isBreaker: false }
}

const isFull = ({ provisioning }: Status): boolean =>
  provisioning.blocked_reason_details?.code === 'max_capacity'

const ofAll = ({ capacity }: Status, engines: readonly Engine[]): string =>
  `${engines.length} of ${count(capacity.max_replicas, 'engine')}`

/** Why none can start, by the code of the refusal. What is not known yet, or on its way, is not red. */
function refusalOf(status: Status, engines: readonly Engine[], vpn: Vpn | null): Verdict {
  const blocked = status.provisioning.blocked_reason_details
  if (blocked === null)
    return { ...NOT_NOW, text: 'the server does not say why', remedy: null, untilMs: null, isBreaker: false }
  const { code, message, recovery_eta_seconds: eta } = blocked
  const untilMs = eta === null ? null : Date.parse(status.timestamp) + eta * 1_000
  const refused = { ...NOT_NOW, text: message, remedy: refusalRemedy(code), untilMs, isBreaker: false }
  switch (code) {
    case 'max_capacity':
      return { ...refused, ...fullWords(status, engines), untilMs: null }
    case 'vpn_disconnected': {
      const text = vpn?.error ?? message
      // Its time is a guess: what is known of the nodes stands beside it.
      if (status.vpn.health === 'unhealthy') return { ...refused, text, untilMs: null }
      return { ...refused, tone: 'unknown', word: 'Not yet', text, remedy: null, untilMs: null }
    }
    case 'circuit_breaker':
      return { ...refused, text: 'too many starts failed in a row', isBreaker: true }
    case 'image_pulling':
      return { ...refused, tone: 'busy', word: 'Not yet' }
    case 'image_missing': {
      const image = status.config.target_image
      return { ...refused, text: `the image ${image} is not on this Docker host` }
    }
    default:
      return refused
  }
}

const NOT_NOW = { tone: 'bad', word: 'Not now' } as const

/** Whether somebody plays on an engine, or is on the way to it. */
const isTaken = ({ streams, expected_until }: Engine): boolean =>
  expected_until !== null || streams.length > 0

/** What the engines of a full fleet do. */
function fullWords(
  status: Status,
  engines: readonly Engine[],
): { readonly tone: Tone; readonly text: string; readonly remedy: string } {
  const draining = engines.filter(({ status: state }) => state === 'draining').length
  const busy = engines.filter((engine) => engine.status !== 'draining' && isTaken(engine)).length
  const others = engines.length - draining - busy
  const parts = [
    [busy, 'busy'],
    [draining, 'draining'],
    [others, 'not usable yet'],
  ] as const
  const some = parts.filter(([n]) => n > 0)
  const [only] = some
  const words =
    some.length === 1 && only !== undefined
      ? `, all ${only[1]}`
      : `: ${some.map(([n, what]) => `${n} ${what}`).join(', ')}`
  return { tone: 'warn', text: `${ofAll(status, engines)}${words}`, remedy: fullRemedy(busy, draining) }
}

function fullRemedy(busy: number, draining: number): string {
  if (busy > 0) return 'raise MAX_REPLICAS, or wait until a viewer leaves'
  return draining > 0
    ? 'wait until the draining ones have gone, or raise MAX_REPLICAS'
    : 'wait until they are ready; the list of engines says what each of them waits for'
}
