import { type Static, Type } from '@sinclair/typebox'
import { isStatPath } from '../../core/streams/session-paths.ts'
import { Address, parserOf } from '../protocol.ts'

/** The messages between the main thread and the health worker. */

/** A session to ask its engine about; `parseToHealthWorker` checks its path. */
const Session = Type.Object({ streamRowId: Type.Integer(), path: Type.String() })

const Milliseconds = Type.Number({ exclusiveMinimum: 0 })

/** An engine to probe. */
const Target = Type.Object({
  engineId: Type.String(),
  /** Distinguishes one start of the container from the next; it is sent back with each fact. */
  generation: Type.Integer(),
  /** The possible addresses of the engine; the first one that answers is kept. */
  addresses: Type.Array(Address),
  /** The engine is not ready yet, so it is probed several times a second instead of once an interval. */
  isBooting: Type.Boolean(),
  /** There is a sign that the engine is lost, so it is probed at once, and every second. */
  isInDoubt: Type.Boolean(),
  sessions: Type.Array(Session),
  /** How often the engine is asked whether it is connected to the outside; null for never. */
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
  /**
   * `serves`: the engine has the session. `ended`: it does not know the session, or does not know it any more. `silent`: it
   * said neither.
   */
  state: Type.Union([Type.Literal('serves'), Type.Literal('ended'), Type.Literal('silent')]),
  /** Null if the engine gave no figures. */
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
  /** An engine could not be probed, because we lack a resource. */
  Type.Object({
    type: Type.Literal('unasked'),
    engineId: Type.String(),
    generation: Type.Integer(),
    atMs: Type.Number(),
  }),
  /** A booting engine has not answered yet: how often it was asked, and what went wrong the last time. */
  Type.Object({
    type: Type.Literal('boot'),
    engineId: Type.String(),
    generation: Type.Integer(),
    probes: Type.Integer(),
    error: Type.Union([Type.String(), Type.Null()]),
  }),
  /** What engines answered about sessions, in the order of their answers. */
  Type.Object({ type: Type.Literal('sessions'), answers: Type.Array(SessionAnswer) }),
  /** What engines answered about their connection to the outside, in the order of their answers. */
  Type.Object({ type: Type.Literal('network'), answers: Type.Array(NetworkAnswer) }),
])

export type ProbeTarget = Static<typeof Target>
export type ToHealthWorker = Static<typeof Configure> | Static<typeof Targets>
export type FromHealthWorker = Static<typeof FromHealthWorker>
export type HealthPace = Omit<Static<typeof Configure>, 'type'>
export type ProbeFact = Extract<FromHealthWorker, { type: 'probe' }>
export type UnaskedFact = Extract<FromHealthWorker, { type: 'unasked' }>
export type BootFact = Extract<FromHealthWorker, { type: 'boot' }>
export type SessionFact = Static<typeof SessionAnswer>
export type NetworkFact = Static<typeof NetworkAnswer>

const parseCommand = parserOf(
  Type.Union([Configure, Type.Object({ ...Targets.properties, targets: Type.Array(Type.Unknown()) })]),
)
const parseTarget = parserOf(Target)

/** A command to the worker, as far as it can be read; `dropped` is the number of targets that cannot be read. */
export type HealthCommand = Static<typeof Configure> | (Static<typeof Targets> & { readonly dropped: number })

/**
 * Returns the command, or null if the message is none. Each target is parsed by itself, so that a mistake about one engine
 * affects no other. Sessions whose path must not be requested are left out.
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

/** Returns the message, or null if it does not belong to the protocol. */
export const parseFromHealthWorker = parserOf(FromHealthWorker)
