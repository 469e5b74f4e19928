import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'

/**
 * The messages between the main thread and any worker; each worker has its own messages besides. Both sides parse: a message
 * that does not belong to the protocol is dropped instead of breaking a loop. That is a mistake of ours, so both sides
 * report it.
 */

const FrameToWorker = Type.Union([
  Type.Object({ type: Type.Literal('stop') }),
  /** The main thread's time, in epoch milliseconds; the worker dates its facts by it. */
  Type.Object({ type: Type.Literal('clock'), nowMs: Type.Number() }),
  /** For crash tests: makes the worker die of an error of its own. */
  Type.Object({ type: Type.Literal('crash') }),
])

const FrameFromWorker = Type.Union([
  /** The worker runs, and has received nothing yet. */
  Type.Object({ type: Type.Literal('ready') }),
  Type.Object({ type: Type.Literal('heartbeat'), atMs: Type.Number() }),
  Type.Object({ type: Type.Literal('stopped') }),
  /** The worker received something that it could not read, and has ignored it. */
  Type.Object({ type: Type.Literal('dropped'), what: Type.String() }),
])

/** A host and port where something may be reached over HTTP. */
export const Address = Type.Object({
  host: Type.String({ minLength: 1 }),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
})

export type Address = Static<typeof Address>
export type FrameFromWorker = Static<typeof FrameFromWorker>

/** Returns a function that returns a message if it fits the schema, and null otherwise. */
export function parserOf<Schema extends TSchema>(
  schema: Schema,
): (message: unknown) => Static<Schema> | null {
  // Compiled at the first message: without a VPN there is none of its worker.
  let compiled: TypeCheck<Schema> | undefined
  return (message) => {
    compiled ??= TypeCompiler.Compile(schema)
    return compiled.Check(message) ? message : null
  }
}

export const parseFrameToWorker = parserOf(FrameToWorker)
export const parseFrameFromWorker = parserOf(FrameFromWorker)
