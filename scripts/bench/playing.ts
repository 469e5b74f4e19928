import { systemClock } from '../../src/lib/clock.ts'
import { openSession, playbackIdOf } from '../../tests/support/acexy-engine.ts'
import type { TestServer } from '../../tests/support/server.ts'
import type { ListedEngine } from './fleet.ts'
import { bodyOf } from './launches.ts'

/** Settings of engines whose sessions last although nobody reads them. */
export const LASTING_SESSIONS = { ENGINE_ENV: '{"SESSION_IDLE_MS":"3600000","LOAD_MS":"0"}' }

/** Opens this many sessions on each engine, as acexy does, and reports them. Returns the ids of the streams. */
export async function playStreams(
  server: TestServer,
  engines: readonly ListedEngine[],
  perEngine: number,
): Promise<readonly string[]> {
  const ids = await Promise.all(
    engines.map(async (engine) => {
      const own: string[] = []
      for (let n = 0; n < perEngine; n++) own.push(await play(server, engine))
      return own
    }),
  )
  return ids.flat()
}

async function play(server: TestServer, { host, port }: ListedEngine): Promise<string> {
  const key = crypto.randomUUID().replaceAll('-', '').padStart(40, 'a')
  const transport = { clock: systemClock, send: (request: Request) => fetch(request) }
  const session = await openSession(transport, { host, port }, { by: 'infohash', key })
  const { stat_url, command_url, is_live } = session
  const answer = await server.post('/events/stream_started', {
    engine: { host, port },
    stream: { key_type: 'infohash', key },
    session: { playback_session_id: playbackIdOf(session), stat_url, command_url, is_live },
  })
  const stream: { id: string; container_id: string | null } = await bodyOf(answer)
  if (stream.container_id === null) throw new Error(`the stream at ${host}:${port} was matched to no engine`)
  return stream.id
}
