/**
 * Makes an answer from JSON that is already rendered, as text or as bytes. It must not be cached, because the next answer
 * may differ.
 */
export const json = (body: string | Uint8Array<ArrayBuffer>): Response =>
  new Response(body, { headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
