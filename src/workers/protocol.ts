import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'

/**
 * What the main thread and any worker say to each other, beside what is particular to one. Both sides parse: a message
 * that is none is dropped instead of breaking a loop, which is a mistake of ours and told as one on both sides.
 */

const FrameToWorker = Type.Union([
  Type.Object({ type: Type.Literal('stop') }),
  /** The main thread's time, in epoch milliseconds, which the worker's facts are dated by. */
  Type.Object({ type: Type.Literal('clock'), nowMs: Type.Number() }),
  /** For crash tests: the worker is to die of an error of its own. */
  Type.Object({ type: Type.Literal('crash') }),
])

const FrameFromWorker = Type.Union([
  /** It is there, and knows nothing yet. */
  Type.Object({ type: Type.Literal('ready') }),
  Type.Object({ type: Type.Literal('heartbeat'), atMs: Type.Number() }),
  Type.Object({ type: Type.Literal('stopped') }),
  /** It was told something that it could not read, and has left it out. */
  Type.Object({ type: Type.Literal('dropped'), what: Type.String() }),
])

/** A port of a host where something may be reached over HTTP. */
export const Address = Type.Object({
  host: Type.String({ minLength: 1 }),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
})

export type Address = Static<typeof Address>
export type FrameFromWorker = Static<typeof FrameFromWorker>

/** A function that gives a message back if it fits the schema, and null if not. */
export function parserOf<Schema extends TSchema>(
  schema: Schema,
): (message: unknown) => Static<Schema> | null {
  const compiled = TypeCompiler.Compile(schema)
  return (message) => (compiled.Check(message) ? message : null)
}

export const parseFrameToWorker = parserOf(FrameToWorker)
export const parseFrameFromWorker = parserOf(FrameFromWorker)
