import { RuntimeFailure, type RuntimeFailureCode } from '../../src/runtime/runtime.ts'
import { type CallSubject, type Fault, Hang, type Verb } from '../support/memory-faults.ts'
import type { Random } from './random.ts'

/** Chance of each fault in one call other than a ping. */
export interface FaultRates {
  readonly failBefore: number
  readonly failAfter: number
  readonly loseQuestion: number
  readonly loseAnswer: number
  readonly delay: number
  readonly hang: number
}

export const NO_FAULTS: FaultRates = {
  failBefore: 0,
  failAfter: 0,
  loseQuestion: 0,
  loseAnswer: 0,
  delay: 0,
  hang: 0,
}

/** A fault, and its name in the coverage. */
export interface DrawnFault {
  readonly name: string
  readonly fault: Fault
}

/** Errors that Docker may answer to each verb without doing it. */
const REFUSALS: Readonly<Record<Verb, readonly [RuntimeFailureCode, ...RuntimeFailureCode[]]>> = {
  create: ['conflict', 'image_missing', 'refused', 'unreachable'],
  start: ['port_taken', 'unrunnable', 'refused', 'unreachable'],
  stop: ['refused', 'unreachable'],
  destroy: ['refused', 'unreachable'],
  discard: ['refused', 'unreachable'],
  inspect: ['unreachable'],
  traffic: ['unreachable'],
  usage: ['unreachable'],
  exec: ['refused', 'unreachable'],
  logs: ['unreachable'],
  followLog: ['unreachable'],
  image: ['image_missing', 'unreachable'],
  host: ['unreachable'],
  pull: ['refused', 'unreachable'],
  list: ['unreachable'],
  containerAt: ['unreachable'],
  ping: ['unreachable'],
  forbidden: ['unreachable'],
  events: ['unreachable'],
  watch: ['unreachable'],
  hosts: ['unreachable'],
  watchHosts: ['unreachable'],
}

/** Errors that Docker may answer though it did what was asked. */
const LATE_REFUSALS: Readonly<Partial<Record<Verb, RuntimeFailureCode>>> = {
  create: 'refused',
  start: 'refused',
  stop: 'refused',
  destroy: 'refused',
  discard: 'refused',
  exec: 'refused',
}

type Draw = (draw: {
  readonly random: Random
  readonly verb: Verb
  readonly releaseAfter: (hang: Hang, ms: number) => void
}) => DrawnFault | null

const DRAWS: Readonly<Record<keyof FaultRates, Draw>> = {
  failBefore: ({ random, verb }) => {
    const code = random.pick(REFUSALS[verb])
    return { name: `before:${code}`, fault: { kind: 'fail_before', failure: failure(code) } }
  },
  failAfter: ({ verb }) => {
    const code = LATE_REFUSALS[verb]
    if (code === undefined) return null
    return { name: `after:${code}`, fault: { kind: 'fail_after', failure: failure(code) } }
  },
  loseQuestion: () => ({ name: 'lose_question', fault: { kind: 'lose_question' } }),
  loseAnswer: () => ({ name: 'lose_answer', fault: { kind: 'lose_answer' } }),
  delay: ({ random }) => ({ name: 'delay', fault: { kind: 'delay', ms: random.int(50, 4_000) } }),
  hang: ({ random, releaseAfter }) => {
    const hang = new Hang()
    releaseAfter(hang, random.int(2_000, 45_000))
    return { name: 'hang', fault: { kind: 'hang', hang } }
  },
}

const KINDS = Object.keys(DRAWS) as (keyof FaultRates)[]

const failure = (code: RuntimeFailureCode): RuntimeFailure =>
  new RuntimeFailure(code, `drawn: ${code}`, { effect: 'none' })

/** The names of all faults that may be drawn for a call of this verb. */
export const faultNames = (verb: Verb): string[] => [
  ...REFUSALS[verb].map((code) => `before:${code}`),
  ...(LATE_REFUSALS[verb] === undefined ? [] : [`after:${LATE_REFUSALS[verb]}`]),
  'lose_question',
  'lose_answer',
  'delay',
  'hang',
]

/** Some calls succeed everywhere, however rare they are. */
const FAULTY_MAX = 0.6

/** Draws the fault of one call, `weight` times as often as the rates say. Returns null for none. */
export function drawFault(
  { call, weight }: { readonly call: CallSubject; readonly weight: number },
  rates: FaultRates,
  random: Random,
  releaseAfter: (hang: Hang, ms: number) => void,
): DrawnFault | null {
  const sum = Object.values(rates).reduce((total, rate) => total + rate, 0)
  // In rare calls each kind is equally likely, because some kinds would hardly ever occur otherwise.
  const isEven = weight > 1
  const share = (kind: keyof FaultRates): number => (isEven ? 1 / KINDS.length : rates[kind] / sum)
  let at = random.float() / Math.min(weight * sum, FAULTY_MAX)
  if (!(at < 1)) return null
  for (const kind of KINDS) {
    at -= share(kind)
    if (at < 0) return DRAWS[kind]({ random, verb: call.verb, releaseAfter })
  }
  return null
}
