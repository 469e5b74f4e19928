import { SHIELD } from './shield.ts'

declare const SHAPE: unique symbol

/** A value as encoded JSON. The type remembers the shape of the value, which the bytes cannot show. */
export type JsonOf<Value> = Blob & { readonly [SHAPE]?: Value }

/** Encodes a value as JSON. All answers with the same `Blob` share its bytes, while each would copy an array of bytes. */
export const jsonOf = <Value>(value: Value): JsonOf<Value> => new Blob([JSON.stringify(value)])

/** Makes an answer from JSON that is already rendered. It must not be cached, because the next answer may differ. */
export const json = (body: string | Blob): Response => new Response(body, ANSWER)

/** Made once, because that costs as much as the rest of an answer. */
const ANSWER = {
  headers: new Headers({ 'content-type': 'application/json', 'cache-control': 'no-store', ...SHIELD }),
}
