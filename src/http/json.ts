/** An answer from JSON that is rendered already, as text or encoded. Never cached on the way: the next call may say other. */
export const json = (body: string | Uint8Array<ArrayBuffer>): Response =>
  new Response(body, { headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
