/**
 * Accepts the two events of a stream and commits their rows unchecked, in a process of its own: `bun raw-events-server.ts
 * DATABASE`. This shows the most that Bun's server and bun:sqlite can do together. Prints its origin as its only line.
 */

import { RawBooks, type RawStream } from './raw-books.ts'

const books = new RawBooks(process.argv[2] ?? '')

async function started(request: Request): Promise<Response> {
  const stream: RawStream = JSON.parse(await request.text())
  books.start(stream)
  return Response.json({ id: stream.streamId })
}

async function ended(request: Request): Promise<Response> {
  const stream: RawStream = JSON.parse(await request.text())
  return Response.json({ updated: books.end(stream) })
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  routes: { '/events/stream_started': { POST: started }, '/events/stream_ended': { POST: ended } },
})
console.log(`http://127.0.0.1:${server.port}`)
