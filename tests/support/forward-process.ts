/**
 * Passes requests on from the network in which it is started, such as that of another host. Each names its target in a header.
 * Prints the port at which it listens as its first line.
 */

import { FORWARD_TO } from './forward.ts'

const server = Bun.serve({
  hostname: '0.0.0.0',
  port: 0,
  idleTimeout: 60,
  fetch: (request) => {
    const headers = new Headers(request.headers)
    const target = headers.get(FORWARD_TO) ?? ''
    // Otherwise the target would be told the name of this server.
    for (const name of [FORWARD_TO, 'host']) headers.delete(name)
    return fetch(target, { method: request.method, headers, signal: request.signal }).catch(
      (error) => new Response(String(error), { status: 502 }),
    )
  },
})
process.stdout.write(`${server.port}\n`)
