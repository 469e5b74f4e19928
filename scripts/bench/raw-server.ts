/**
 * Answers every request with the bytes of one file, as JSON, in a process of its own: `bun raw-server.ts FILE`. This shows
 * the most that Bun's server can do, for comparison. Prints its origin as its only line.
 */

const body = await Bun.file(process.argv[2] ?? '').text()
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: () => new Response(body, { headers: { 'content-type': 'application/json' } }),
})
console.log(`http://127.0.0.1:${server.port}`)

export {}
