import { SHIELD } from './shield.ts'

declare const SHAPE: unique symbol

/** A value as encoded JSON. The type remembers the shape of the value, which the bytes cannot show. */
export type JsonOf<Value> = Uint8Array<ArrayBuffer> & { readonly [SHAPE]?: Value }

const encoder = new TextEncoder()

/** Encodes a value as JSON. */
export const jsonBytes = <Value>(value: Value): JsonOf<Value> => encoder.encode(JSON.stringify(value))

/**
 * Makes an answer from JSON that is already rendered, as text or as bytes. It must not be cached, because the next answer
 * may differ.
 */
export const json = (body: string | Uint8Array<ArrayBuffer>): Response =>
  new Response(body, { headers: HEADERS })

/** Made once, because that costs as much as the rest of an answer. */
const HEADERS = new Headers({
  'content-type': 'application/json',
  'cache-control': 'no-store',
  ...SHIELD,
})
