import { type Static, Type } from '@sinclair/typebox'
import { isStatPath } from '../../core/streams/session-paths.ts'
import { Address, parserOf } from '../protocol.ts'

/** What the main thread and the health worker say to each other. */

/** A session to ask its engine about; its path is checked by `parseToHealthWorker`. */
const Session = Type.Object({ streamRowId: Type.Integer(), path: Type.String() })

const Milliseconds = Type.Number({ exclusiveMinimum: 0 })

/** An engine to probe. */
const Target = Type.Object({
  engineId: Type.String(),
  /** Tells one start of the container from the next; given back with the probe. */
  generation: Type.Integer(),
  /** Where it may be reached; the first that answers is kept to. */
  addresses: Type.Array(Address),
  /** Not ready yet: asked several times a second instead of once an interval. */
  isBooting: Type.Boolean(),
  sessions: Type.Array(Session),
  /** How often it is asked whether it is connected to the outside; null for never. */
  networkIntervalMs: Type.Union([Milliseconds, Type.Null()]),
})

const Configure = Type.Object({
  type: Type.Literal('configure'),
  intervalMs: Milliseconds,
  timeoutMs: Milliseconds,
  bootIntervalMs: Milliseconds,
  sessionIntervalMs: Milliseconds,
})

const Targets = Type.Object({ type: Type.Literal('targets'), targets: Type.Array(Target) })

const Figure = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()])

/** See `Figures`. */
const Figures = Type.Object({
  status: Type.Union([Type.String(), Type.Null()]),
  peers: Figure,
  speedDown: Figure,
  speedUp: Figure,
  downloaded: Figure,
  uploaded: Figure,
  livePos: Figure,
  liveFirst: Figure,
  liveLast: Figure,
  bufferPieces: Figure,
})

const SessionAnswer = Type.Object({
  engineId: Type.String(),
  generation: Type.Integer(),
  streamRowId: Type.Integer(),
  /** It has the session; it does not know it (any more); it said neither. */
  state: Type.Union([Type.Literal('serves'), Type.Literal('ended'), Type.Literal('silent')]),
  /** Null where it gave none. */
  figures: Type.Union([Figures, Type.Null()]),
  atMs: Type.Number(),
})

const NetworkAnswer = Type.Object({
  engineId: Type.String(),
  generation: Type.Integer(),
  connected: Type.Boolean(),
  atMs: Type.Number(),
})

const FromHealthWorker = Type.Union([
  Type.Object({
    type: Type.Literal('probe'),
    engineId: Type.String(),
    generation: Type.Integer(),
    ok: Type.Boolean(),
    atMs: Type.Number(),
    error: Type.Union([Type.String(), Type.Null()]),
  }),
  /** An engine that could not be asked how it is, for a lack of our own. */
  Type.Object({
    type: Type.Literal('unasked'),
    engineId: Type.String(),
    generation: Type.Integer(),
    atMs: Type.Number(),
  }),
  /** What engines said of sessions, in the order in which they said it. */
  Type.Object({ type: Type.Literal('sessions'), answers: Type.Array(SessionAnswer) }),
  /** What engines said of their connection to the outside, in the same order. */
  Type.Object({ type: Type.Literal('network'), answers: Type.Array(NetworkAnswer) }),
])

export type ProbeTarget = Static<typeof Target>
export type ToHealthWorker = Static<typeof Configure> | Static<typeof Targets>
export type FromHealthWorker = Static<typeof FromHealthWorker>
export type HealthPace = Omit<Static<typeof Configure>, 'type'>
export type ProbeFact = Extract<FromHealthWorker, { type: 'probe' }>
export type UnaskedFact = Extract<FromHealthWorker, { type: 'unasked' }>
export type SessionFact = Static<typeof SessionAnswer>
export type NetworkFact = Static<typeof NetworkAnswer>

const parseCommand = parserOf(
  Type.Union([Configure, Type.Object({ ...Targets.properties, targets: Type.Array(Type.Unknown()) })]),
)
const parseTarget = parserOf(Target)

/** What the worker is told, as far as it can be read: `dropped` is how many of the targets can't be. */
export type HealthCommand = Static<typeof Configure> | (Static<typeof Targets> & { readonly dropped: number })

/**
 * The message, or null when it is none. Each target is read by itself, so that what is wrong with one engine costs no other;
 * sessions with a path that is not to be asked are left out.
 */
export function parseToHealthWorker(message: unknown): HealthCommand | null {
  const known = parseCommand(message)
  if (known?.type !== 'targets') return known
  const targets = known.targets.flatMap((target) => parseTarget(target) ?? [])
  return {
    type: 'targets',
    targets: targets.map(withAskableOnly),
    dropped: known.targets.length - targets.length,
  }
}

const withAskableOnly = (target: ProbeTarget): ProbeTarget => ({
  ...target,
  sessions: target.sessions.filter(({ path }) => isStatPath(path)),
})

/** The message, or null when it is none. */
export const parseFromHealthWorker = parserOf(FromHealthWorker)
