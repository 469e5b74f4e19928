import { parseDockerHost } from '../../src/runtime/docker-connection.ts'

/** What a filter does with the questions to Docker. */
export interface Filtering {
  /** Whether a question is answered with 403, as a socket proxy does. */
  readonly forbids?: (method: string, path: string) => boolean
  /** Changes an answer in JSON; the same object stays as it is. */
  readonly rewrite?: (path: string, answer: Record<string, unknown>) => Record<string, unknown>
}

/** A server in front of Docker, at a port of this machine. */
export interface DockerFilter extends Disposable {
  readonly dockerHost: string
  /** The questions that were let through, as `METHOD /path`. */
  readonly passed: readonly string[]
}

/** The answer of HAProxy, and so of most socket proxies. */
const FORBIDDEN =
  '<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n'

/** Matches what Docker answers without an end. */
const STREAM = /\/events$/

/** The same stream with an empty line before it, because Bun sends the headers only with the first bytes. */
async function* begun(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode('\n')
  if (body !== null) yield* body
}

/** Runs a filter in front of the Docker Engine of `dockerHost` (null for the usual socket). */
export function filterDocker(
  dockerHost: string | null,
  { forbids = () => false, rewrite = (_, answer) => answer }: Filtering,
): DockerFilter {
  const address = parseDockerHost(dockerHost)
  const base = address.kind === 'unix' ? 'http://docker' : `http://${address.host}:${address.port}`
  const passed: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      if (forbids(request.method, pathname))
        return new Response(FORBIDDEN, { status: 403, headers: { 'content-type': 'text/html' } })
      passed.push(`${request.method} ${pathname}`)
      const answer = await fetch(`${base}${pathname}${search}`, {
        method: request.method,
        headers: { 'content-type': 'application/json' },
        ...(request.method === 'POST' ? { body: await request.text() } : {}),
        ...(address.kind === 'unix' ? { unix: address.path } : {}),
      })
      if (STREAM.test(pathname)) return new Response(begun(answer.body), { headers: answer.headers })
      const text = await answer.text()
      const isObject = answer.status === 200 && text.startsWith('{')
      const body = isObject ? JSON.stringify(rewrite(pathname, JSON.parse(text))) : text
      return new Response(body, { status: answer.status, headers: { 'content-type': 'application/json' } })
    },
  })
  return {
    dockerHost: `tcp://127.0.0.1:${server.port}`,
    passed,
    [Symbol.dispose]: () => void server.stop(true),
  }
}
