/**
 * A process of its own that answers every request with the bytes of one file, as JSON: `bun raw-server.ts FILE`. What
 * Bun's server can do at most, to compare with. Prints its origin as its only line.
 */

const body = await Bun.file(process.argv[2] ?? '').text()
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: () => new Response(body, { headers: { 'content-type': 'application/json' } }),
})
console.log(`http://127.0.0.1:${server.port}`)

export {}
