/** Helpers for tests of the fleet's life on real Docker, for `scripts/soak-lifecycle.ts` and for benchmarks. */

import { Database } from 'bun:sqlite'
import { engineContainers } from './consistency.ts'
import { type TestDocker, until } from './docker.ts'
import type { EngineRow } from './fleet.ts'
import type { TestServer } from './server.ts'

/** An engine of `GET /engines?status=all` that has its container. */
export interface FleetRow extends EngineRow {
  readonly container_id: string
  readonly container_name: string
  readonly streams: readonly string[]
  readonly health_status: 'healthy' | 'unhealthy' | 'unknown'
}

/** A journal entry. The members of `detail` depend on the kind. */
export interface JournalRow {
  readonly at: number
  readonly kind: string
  readonly engine_id: string | null
  readonly container_id: string | null
  readonly detail: { readonly rule?: string; readonly reason?: string; readonly replaces?: string }
}

export interface PlanView {
  readonly wanted: number
  readonly serving: number
  readonly busy: number
  readonly actions: readonly { readonly action: string; readonly rule: string }[]
  readonly waits: readonly string[]
}

/** A stream in the books. */
export interface StreamRow {
  readonly id: string
  readonly container_id: string | null
  readonly status: 'started' | 'ended'
  readonly end_reason: string | null
}

/** All live engines, listed or not, except those whose container does not exist yet. */
export const fleetOf = async (server: TestServer): Promise<FleetRow[]> =>
  (await server.get<FleetRow[]>('/engines?status=all')).filter(({ container_id }) => container_id !== null)

export const idsOf = (rows: readonly FleetRow[]): string[] => rows.map(({ container_id }) => container_id)

export const planOf = (server: TestServer): Promise<PlanView> => server.get('/orchestrator/plan')

/** The engine with a container; undefined if it is history. */
export const engineOf = async (server: TestServer, containerId: string): Promise<FleetRow | undefined> =>
  (await fleetOf(server)).find(({ container_id }) => container_id === containerId)

/** Waits until the fleet is exactly `count` engines, all ready and listed, and returns them. */
export function untilReady(server: TestServer, count: number, withinMs?: number): Promise<FleetRow[]> {
  return until(
    `${count} engines are ready, and no other is there`,
    async () => {
      const rows = await server.get<FleetRow[]>('/engines?status=all')
      return rows.length === count && rows.every(({ status, listed }) => status === 'ready' && listed) && rows
    },
    withinMs,
  ).catch((cause) => {
    throw new Error(`${cause.message}\n${server.output}`, { cause })
  })
}

/** Waits until Docker does not have a container any more. */
export const untilRemoved = (docker: TestDocker, containerId: string, withinMs?: number): Promise<true> =>
  until(
    `${containerId} is removed`,
    async () => !(await engineContainers(docker)).includes(containerId),
    withinMs,
  )

/**
 * Reports a started stream whose id is `streamId`. Without the `statUrl` of a real session, the engine does not know the
 * session and says so when it is asked.
 */
export async function reportStarted(
  server: TestServer,
  { container_id, port }: Pick<FleetRow, 'container_id' | 'port'>,
  streamId: string,
  statUrl = `http://127.0.0.1:${port}/ace/stat/content/${streamId}`,
): Promise<void> {
  const response = await server.post('/events/stream_started', {
    container_id,
    engine: { host: '127.0.0.1', port },
    stream: { key_type: 'content_id', key: CONTENT },
    session: {
      playback_session_id: streamId,
      stat_url: statUrl,
      command_url: statUrl.replace('/stat/', '/cmd/'),
      is_live: 1,
    },
    labels: { stream_id: streamId },
  })
  const stream: StreamRow = await goodJson(response)
  if (stream.container_id !== container_id) throw new Error(`the stream ${streamId} is on no engine of ours`)
}

/** Reports the end of a stream. Throws if the stream was not in the books. */
export async function reportEnded(server: TestServer, streamId: string): Promise<void> {
  const response = await server.post('/events/stream_ended', { stream_id: streamId, reason: 'eof' })
  const { updated }: { updated: boolean } = await goodJson(response)
  if (!updated) throw new Error(`the stream ${streamId} was not in the books`)
}

/** The newest record of a stream; undefined if there is none with that id. */
export const streamOf = async (server: TestServer, streamId: string): Promise<StreamRow | undefined> =>
  (await server.get<StreamRow[]>('/streams')).findLast(({ id }) => id === streamId)

/** Asks to keep this many engines. Throws if that is refused. */
export async function scale(
  server: TestServer,
  demand: number,
): Promise<{ readonly scaled_to: number; readonly requested: number }> {
  return goodJson(await server.post(`/scale/${demand}`))
}

const CONTENT = '0123456789abcdef0123456789abcdef01234567'

/** A viewer that reads from an engine directly, without the orchestrator. */
export interface Viewer {
  readonly statUrl: string
  /** Returns how many bytes the viewer has received so far. */
  bytes(): number
  /** Closes the viewer's connection. */
  leave(): void
}

/** Opens a session at the engine's port and reads its playback until the viewer leaves. */
export async function openViewer(port: number): Promise<Viewer> {
  const query = new URLSearchParams({ id: CONTENT, format: 'json', pid: crypto.randomUUID() })
  const opened = await fetch(`http://127.0.0.1:${port}/ace/getstream?${query}`)
  const { response }: { response: { playback_url: string; stat_url: string } } = await goodJson(opened)
  const left = new AbortController()
  let bytes = 0
  const read = async () => {
    const playback = await fetch(response.playback_url, { signal: left.signal })
    for await (const chunk of playback.body ?? []) bytes += chunk.length
  }
  // The reading ends when the viewer leaves, or with its engine.
  read().catch(() => undefined)
  await until('the playback has bytes', () => bytes > 0)
  return { statUrl: response.stat_url, bytes: () => bytes, leave: () => left.abort() }
}

/** Opens a session at an engine as a proxy does for a viewer, and reports its stream. */
export async function startViewing(
  server: TestServer,
  engine: Pick<FleetRow, 'container_id' | 'port'>,
  streamId: string,
): Promise<Viewer> {
  const viewer = await openViewer(engine.port)
  await reportStarted(server, engine, streamId, viewer.statUrl)
  return viewer
}

/** The emulator's own controls in one container. */
export interface Emulator {
  /** Sets faults, by the names in `tests/emulators/engine/faults.ts`. */
  setFaults(faults: Readonly<Record<string, unknown>>): Promise<void>
  /** Ends the emulator's process. */
  exit(code: number): Promise<void>
}

const CONTROL_PORT = 6870

/** Reaches the emulator at the container's own address, because its control port is not published. */
export async function emulatorOf(docker: TestDocker, containerId: string): Promise<Emulator> {
  const { NetworkSettings } = await docker.client.getContainer(containerId).inspect()
  const address = Object.values(NetworkSettings.Networks)[0]?.IPAddress
  if (address === undefined || address === '') throw new Error(`${containerId} has no address`)
  const base = `http://${address}:${CONTROL_PORT}`
  const post = async (path: string, body: unknown = {}) => {
    await goodJson(
      await fetch(`${base}${path}`, { method: 'POST', body: JSON.stringify(body), keepalive: false }),
    )
  }
  return {
    setFaults: (faults) => post('/faults', faults),
    exit: (code) => post(`/exit?code=${code}`),
  }
}

const LOOK_EVERY_MS = 15

/** Counts the engines' containers in Docker again and again, from its construction until `result` is called. */
export class Census {
  #most = 0
  #looks = 0
  #isOver = false
  readonly #end: Promise<void>

  constructor(private readonly docker: TestDocker) {
    this.#end = this.#count()
  }

  /** Ends the counting. Returns the highest count, and how many times it counted. */
  async result(): Promise<{ readonly most: number; readonly looks: number }> {
    this.#isOver = true
    await this.#end
    return { most: this.#most, looks: this.#looks }
  }

  async #count(): Promise<void> {
    while (!this.#isOver) {
      this.#most = Math.max(this.#most, (await engineContainers(this.docker)).length)
      this.#looks++
      await Bun.sleep(LOOK_EVERY_MS)
    }
  }
}

/** Reads the journal from the database file, oldest entry first, while the server runs. */
export function journalOf(server: TestServer): JournalRow[] {
  const database = new Database(server.databasePath, { readonly: true })
  try {
    const rows = database
      .query<Omit<JournalRow, 'detail'> & { detail: string }, []>(
        `SELECT at, kind, journal.engine_id, container_id, journal.detail
         FROM journal LEFT JOIN engines ON engines.id = journal.engine_id ORDER BY journal.id`,
      )
      .all()
    return rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) }))
  } finally {
    database.close()
  }
}

/** The first journal entry of a kind about the engine of a container. Throws if there is none. */
export function entryOf(server: TestServer, kind: string, containerId: string): JournalRow {
  const entry = journalOf(server).find((each) => each.kind === kind && each.container_id === containerId)
  if (entry === undefined) throw new Error(`no ${kind} of ${containerId} in the journal\n${server.output}`)
  return entry
}

async function goodJson<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`)
  return response.json() as Promise<T>
}
