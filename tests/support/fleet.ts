import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { EngineProvisioned } from '../../src/http/schemas.ts'
import { connectTestDocker, type TestDocker } from './docker.ts'
import { buildEngineImage } from './engine-image.ts'
import { freePortRange, rangeSetting } from './ports.ts'
import { TestServer } from './server.ts'

/** An engine of `GET /engines`, with the members that these tests read. */
export interface EngineRow {
  readonly container_id: string | null
  readonly container_name: string | null
  readonly port: number
  readonly first_seen: string
  readonly status: string
  readonly listed: boolean
  readonly reason: string | null
}

/** The answer to a provision that succeeded. */
export type Provisioned = Static<typeof EngineProvisioned>

const Coded = Type.Object({ code: Type.String() })

/**
 * What a caller of `POST /provision/acestream` got. `unanswered` means that the connection broke before the answer was
 * complete.
 */
export type ProvisionOutcome =
  | { readonly kind: 'engine'; readonly engine: Provisioned }
  | {
      readonly kind: 'refused'
      readonly status: number
      readonly code: string
      /** The problem document as it was received. */
      readonly body: unknown
      readonly retryAfter: string | null
    }
  | { readonly kind: 'unanswered' }

/**
 * Docker and the emulator's image for one test file. Everything that is made with it carries one label, and `cleanUp`
 * removes it.
 */
export interface TestSite {
  readonly docker: TestDocker
  readonly image: string
  /**
   * Makes a server with a port range of its own, which is not started; `cleanUp` ends it. `program` replaces the sources.
   */
  readonly server: (env?: Readonly<Record<string, string>>, program?: string) => TestServer
  /** Ends the servers first, because a running server could be creating a container. */
  readonly cleanUp: () => Promise<void>
}

/** Connects to Docker and builds the image if it is missing. Throws with a message if either fails. */
export async function openTestSite(): Promise<TestSite> {
  const docker = await connectTestDocker()
  const image = await buildEngineImage()
  const servers: TestServer[] = []
  return {
    docker,
    image,
    server: (env = {}, program) => {
      const server = new TestServer({
        docker,
        image,
        env: { PORT_RANGE_HOST: rangeSetting(freePortRange(60)), ...env },
        ...(program === undefined ? {} : { command: [program] }),
      })
      servers.push(server)
      return server
    },
    cleanUp: async () => {
      await Promise.all(servers.splice(0).map((server) => server.dispose()))
      await docker.cleanUp()
    },
  }
}

/** Asks for an engine and returns the outcome. Throws only if the answer does not fit the API contract. */
export async function provision(
  server: TestServer,
  { key, body = {} }: { readonly key?: string | undefined; readonly body?: unknown } = {},
): Promise<ProvisionOutcome> {
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  }
  const answer = await server
    .post('/provision/acestream', body, { headers })
    .then(async (response) => ({ response, body: await response.json() }))
    .catch(() => null)
  if (answer === null) return { kind: 'unanswered' }
  const { status, headers: answered } = answer.response
  if (status === 200) return { kind: 'engine', engine: parsed(EngineProvisioned, answer.body) }
  const { code } = parsed(Coded, answer.body)
  return { kind: 'refused', status, code, body: answer.body, retryAfter: answered.get('retry-after') }
}

function parsed<T extends TSchema>(schema: T, body: unknown): Static<T> {
  if (Value.Check(schema, body)) return body
  throw new Error(`not as the API says: ${JSON.stringify(body)}`)
}

/**
 * Provisions like `provision`, and asks again while the engine is still starting, as a proxy does. Throws for any outcome
 * but an engine.
 */
export async function mustProvision(server: TestServer, key?: string): Promise<Provisioned> {
  for (let tries = 1; tries <= 20; tries++) {
    const outcome = await provision(server, { key })
    if (outcome.kind === 'engine') return outcome.engine
    if (outcome.kind === 'unanswered' || outcome.code !== 'provisioning_in_progress') {
      throw new Error(`no engine: ${JSON.stringify(outcome)}\n${server.output}`)
    }
  }
  throw new Error(`no engine in 20 tries\n${server.output}`)
}

/**
 * Reports a started stream on an engine, as a proxy does. The stream's id is the container's id. Throws unless the answer is
 * 200.
 */
export async function startStream(
  server: TestServer,
  { container_id, host_http_port }: Provisioned,
): Promise<void> {
  const statUrl = `http://127.0.0.1:${host_http_port}/ace/stat/content/session`
  const response = await server.post('/events/stream_started', {
    container_id,
    engine: { host: '127.0.0.1', port: host_http_port },
    stream: { key_type: 'content_id', key: '0123456789abcdef0123456789abcdef01234567' },
    session: { playback_session_id: 'session', stat_url: statUrl, command_url: `${statUrl}?c`, is_live: 1 },
    labels: { stream_id: container_id },
  })
  if (response.status !== 200) throw new Error(`stream_started: ${response.status} ${await response.text()}`)
}

/** Deletes a container. Throws unless the answer is 200. */
export async function mustRemove(server: TestServer, containerId: string): Promise<void> {
  const response = await server.delete(`/containers/${containerId}`)
  if (response.status !== 200) throw new Error(`DELETE: ${response.status} ${await response.text()}`)
}

/** Deletes all engines of the server, listed or not. */
export async function removeAll(server: TestServer): Promise<void> {
  const rows = await server.get<EngineRow[]>('/engines?status=all')
  await Promise.all(
    rows.flatMap((row) => (row.container_id === null ? [] : mustRemove(server, row.container_id))),
  )
}

/** Returns the container ids that `GET /engines` lists now. */
export async function listedIds(server: TestServer): Promise<(string | null)[]> {
  return (await server.get<EngineRow[]>('/engines')).map((row) => row.container_id)
}
