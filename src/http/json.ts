import { RequestIds } from './request-ids.ts'
import { SHIELD } from './shield.ts'

declare const SHAPE: unique symbol

/** A value as encoded JSON. The type remembers the shape of the value, which the bytes cannot show. */
export type JsonOf<Value> = Blob & { readonly [SHAPE]?: Value }

export const JSON_TYPE = 'application/json'
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Encodes a value as JSON. All answers with the same `Blob` share its bytes, while each would copy an array of bytes. */
export const jsonOf = <Value>(value: Value): JsonOf<Value> => new Blob([JSON.stringify(value)])

/** The headers of an answer that is rendered already. It must not be cached, because the next one may differ. */
export const headersOf = (contentType: string): Headers =>
  new Headers({ 'content-type': contentType, 'cache-control': 'no-store', ...SHIELD })

/** Makes an answer from JSON that is already rendered. */
export const json = (body: string | Blob): Response => new Response(body, ANSWER)

/** Made once, because that costs as much as the rest of an answer. */
const ANSWER = { headers: headersOf(JSON_TYPE) }

/**
 * The head of answers that differ in the id of their request alone. An answer copies it when it is made, which costs less than
 * a change of its own headers.
 */
export class Head {
  readonly #init: { readonly headers: Headers }

  constructor(contentType: string) {
    this.#init = { headers: headersOf(contentType) }
  }

  /** Makes a whole answer. */
  answer(body: string | Blob, id: string): Response {
    this.#init.headers.set(RequestIds.header, id)
    return new Response(body, this.#init)
  }
}
