/**
 * Answers each path with a text of its own, as JSON, in a process of its own: `bun raw-answers.ts FILE`, where the file has
 * the texts by path and query. It is the least that can serve a whole selection. Prints its origin as its only line.
 */

const texts: Readonly<Record<string, string>> = await Bun.file(process.argv[2] ?? '').json()
const headers = { 'content-type': 'application/json' }
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: ({ url }) => {
    const text = texts[url.slice(url.indexOf('/', 'http://'.length))]
    return text === undefined ? new Response(null, { status: 404 }) : new Response(text, { headers })
  },
})
console.log(`http://127.0.0.1:${server.port}`)

export {}
