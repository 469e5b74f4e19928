import { until } from '../../tests/support/docker.ts'
import type { TestServer } from '../../tests/support/server.ts'
import { bodyOf, provisioning } from './launches.ts'

/** The members of an engine in the answer of `GET /engines` that are used here. */
export interface ListedEngine {
  readonly container_id: string
  readonly host: string
  readonly port: number
  readonly health_status: string
}

/** How many launches run at a time. More would only wait in Docker's queue until a deadline passes. */
const AT_ONCE = 5
const READY_WITHIN_MS = 60_000

/**
 * Provisions `size` engines and resolves when all are listed as healthy, so that no engine is still starting during the
 * measurement.
 */
export async function provisionFleet(server: TestServer, size: number): Promise<readonly ListedEngine[]> {
  const { launch } = provisioning(server)
  for (let done = 0; done < size; done += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, size - done) }, launch))
  }
  return until(
    `${size} engines are healthy`,
    async () => {
      const engines = await server.get<readonly ListedEngine[]>('/engines')
      const healthy = engines.filter(({ health_status }) => health_status === 'healthy')
      return healthy.length === size ? engines : undefined
    },
    READY_WITHIN_MS,
  )
}

/** Reports a stream on an engine, as acexy does, and returns the stream's id. */
export async function startStream(server: TestServer, { host, port }: ListedEngine): Promise<string> {
  const key = crypto.randomUUID().replaceAll('-', '').padEnd(40, '0')
  const session = crypto.randomUUID()
  const base = `http://${host}:${port}/ace`
  const response = await server.post('/events/stream_started', {
    engine: { host, port },
    stream: { key_type: 'infohash', key },
    session: {
      playback_session_id: session,
      stat_url: `${base}/stat/${key}/${session}`,
      command_url: `${base}/cmd/${key}/${session}`,
      is_live: 1,
    },
  })
  const stream: { id: string; container_id: string | null } = await bodyOf(response)
  if (stream.container_id === null) throw new Error(`the stream at ${host}:${port} was matched to no engine`)
  return stream.id
}

/** Reports that a stream ended. */
export async function endStream(server: TestServer, streamId: string): Promise<void> {
  const response = await server.post('/events/stream_ended', { stream_id: streamId, reason: 'eof' })
  const { updated }: { updated: boolean } = await bodyOf(response)
  if (!updated) throw new Error(`the stream ${streamId} was not in the books`)
}
