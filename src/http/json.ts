/** An answer from JSON text that is rendered already. Never cached on the way: the next call may say other. */
export const json = (text: string): Response =>
  new Response(text, { headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
