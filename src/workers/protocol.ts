import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { isStatPath } from '../core/stat-path.ts'

/**
 * What the main thread and the health worker say to each other. Both sides parse: a message is a fact or a wish, and
 * one that is neither is dropped with a word in the log instead of breaking a loop.
 */

const Address = Type.Object({
  host: Type.String({ minLength: 1 }),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
})

/** A session to ask its engine about; its path is checked by `parseToWorker`. */
const Session = Type.Object({ streamRowId: Type.Integer(), path: Type.String() })

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
})

const ToWorker = Type.Union([
  Type.Object({
    type: Type.Literal('configure'),
    intervalMs: Type.Number({ exclusiveMinimum: 0 }),
    timeoutMs: Type.Number({ exclusiveMinimum: 0 }),
    bootIntervalMs: Type.Number({ exclusiveMinimum: 0 }),
    sessionIntervalMs: Type.Number({ exclusiveMinimum: 0 }),
  }),
  Type.Object({ type: Type.Literal('targets'), targets: Type.Array(Target) }),
  Type.Object({ type: Type.Literal('stop') }),
])

const FromWorker = Type.Union([
  Type.Object({ type: Type.Literal('ready') }),
  Type.Object({ type: Type.Literal('heartbeat'), atMs: Type.Number() }),
  Type.Object({
    type: Type.Literal('probe'),
    engineId: Type.String(),
    generation: Type.Integer(),
    ok: Type.Boolean(),
    atMs: Type.Number(),
    error: Type.Union([Type.String(), Type.Null()]),
  }),
  Type.Object({
    type: Type.Literal('session'),
    engineId: Type.String(),
    generation: Type.Integer(),
    streamRowId: Type.Integer(),
    /** It has the session; it does not know it (any more); it said neither. */
    state: Type.Union([Type.Literal('serves'), Type.Literal('ended'), Type.Literal('silent')]),
    /** Bytes that the engine has downloaded for it, where it told. */
    downloaded: Type.Union([Type.Number(), Type.Null()]),
    atMs: Type.Number(),
  }),
  Type.Object({ type: Type.Literal('stopped') }),
])

export type ProbeTarget = Static<typeof Target>
export type ProbeAddress = Static<typeof Address>
export type ToWorker = Static<typeof ToWorker>
export type FromWorker = Static<typeof FromWorker>
export type ProbeFact = Extract<FromWorker, { type: 'probe' }>
export type SessionFact = Extract<FromWorker, { type: 'session' }>

/** The message, or null when it is none. Sessions with a path that is not to be asked are left out of it. */
export function parseToWorker(message: unknown): ToWorker | null {
  const known = parsed(ToWorker, message)
  return known?.type === 'targets' ? { ...known, targets: known.targets.map(withAskableOnly) } : known
}

const withAskableOnly = (target: ProbeTarget): ProbeTarget => ({
  ...target,
  sessions: target.sessions.filter(({ path }) => isStatPath(path)),
})

/** The message, or null when it is none. */
export const parseFromWorker = (message: unknown): FromWorker | null => parsed(FromWorker, message)

function parsed<Schema extends TSchema>(schema: Schema, message: unknown): Static<Schema> | null {
  return Value.Check(schema, message) ? message : null
}
