import { join } from 'node:path'

/** The versions of acexy that differ on the wire, oldest first; see tests/fixtures/acexy/README.md. */
export const VERSIONS = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'HEAD'] as const

export type Version = (typeof VERSIONS)[number]

export interface StartedEvent {
  readonly container_id?: string
  readonly engine: { readonly host: string; readonly port: number }
  readonly stream: { readonly key_type: string; readonly key: string }
  readonly session: {
    readonly playback_session_id: string
    readonly stat_url: string
    readonly command_url: string
    readonly is_live: number
  }
  readonly labels: { readonly stream_id: string }
}

export interface EndedEvent {
  readonly container_id?: string
  readonly stream_id: string
  readonly reason: string
}

interface Sent {
  readonly scenario: string
  /** Milliseconds since acexy's start. */
  readonly t: number
  /** Begins with a second slash if acexy's base URL ended in a slash. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly authorization: boolean
}

/** One recorded request. */
export type Recorded = Sent &
  (
    | { readonly method: 'GET'; readonly body?: undefined }
    | { readonly method: 'POST'; readonly body: StartedEvent | EndedEvent | object }
  )

/** One scenario of one version. */
export interface Session {
  readonly scenario: string
  /** How many engines existed from the start, at the ports from 40001 on. */
  readonly engines: number
  readonly requests: readonly Recorded[]
  /** Ids of the streams that were started and not ended, as the recorder counted them, sorted. */
  readonly leftStarted: readonly string[]
}

const FOLDER = join(import.meta.dir, '../fixtures/acexy')

/** Reads every recorded scenario of a version, in the order of the recording. */
export async function recordedSessions(version: Version): Promise<readonly Session[]> {
  const lines = (await Bun.file(join(FOLDER, `${version}.jsonl`)).text()).trimEnd().split('\n')
  const requests = lines.map((line): Recorded => JSON.parse(line))
  const scenarios: Record<string, { engines: number }> = await Bun.file(join(FOLDER, 'scenarios.json')).json()
  const left: Record<Version, Record<string, string[]>> = await Bun.file(
    join(FOLDER, 'left-started.json'),
  ).json()
  return [...Map.groupBy(requests, ({ scenario }) => scenario)].map(([scenario, sent]) => ({
    scenario,
    engines: scenarios[scenario]?.engines ?? 0,
    requests: sent,
    leftStarted: left[version][scenario]?.toSorted() ?? [],
  }))
}

export const isStarted = (body: Recorded['body']): body is StartedEvent =>
  body !== undefined && 'session' in body

export const isEnded = (body: Recorded['body']): body is EndedEvent =>
  body !== undefined && 'stream_id' in body
