import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

/**
 * What the main thread and the health worker say to each other. Both sides parse: a message is a fact or a wish, and
 * one that is neither is dropped with a word in the log instead of breaking a loop.
 */

const Address = Type.Object({
  host: Type.String({ minLength: 1 }),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
})

/** An engine to probe. */
const Target = Type.Object({
  engineId: Type.String(),
  /** Tells one start of the container from the next; given back with the probe. */
  generation: Type.Integer(),
  /** Where it may be reached; the first that answers is kept to. */
  addresses: Type.Array(Address),
  /** Not ready yet: asked several times a second instead of once an interval. */
  isBooting: Type.Boolean(),
})

const ToWorker = Type.Union([
  Type.Object({
    type: Type.Literal('configure'),
    intervalMs: Type.Number({ exclusiveMinimum: 0 }),
    timeoutMs: Type.Number({ exclusiveMinimum: 0 }),
    bootIntervalMs: Type.Number({ exclusiveMinimum: 0 }),
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
  Type.Object({ type: Type.Literal('stopped') }),
])

export type ProbeTarget = Static<typeof Target>
export type ProbeAddress = Static<typeof Address>
export type ToWorker = Static<typeof ToWorker>
export type FromWorker = Static<typeof FromWorker>
export type ProbeFact = Extract<FromWorker, { type: 'probe' }>

/** The message, or null when it is none. */
export const parseToWorker = (message: unknown): ToWorker | null => parsed(ToWorker, message)

/** The message, or null when it is none. */
export const parseFromWorker = (message: unknown): FromWorker | null => parsed(FromWorker, message)

function parsed<Schema extends TSchema>(schema: Schema, message: unknown): Static<Schema> | null {
  return Value.Check(schema, message) ? message : null
}
