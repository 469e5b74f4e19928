import type { State, States } from '../../core/feed/state-changes.ts'
import type { EngineViews } from '../views/engine-views.ts'
import type { StatusViews } from '../views/status-views.ts'
import type { StreamViews } from '../views/stream-views.ts'
import type { VpnViews } from '../views/vpn-views.ts'

/** The kinds of records whose changes the feed reports. */
export type StateKind = 'engine' | 'stream' | 'status' | 'vpn'

export interface StateSource {
  /** The records as the API shows them now. A key is the kind, or the kind, a blank and an id. */
  read(): States
  /** The last message about a record that no longer exists, as JSON; null for none. */
  finalState(key: string, last: State): string | null
}

/** The records of the application, from the store and memory only. */
export class FeedStates implements StateSource {
  constructor(
    private readonly deps: {
      readonly engineViews: EngineViews
      readonly streamViews: StreamViews
      readonly statusViews: StatusViews
      readonly vpnViews: VpnViews
    },
  ) {}

  read(): States {
    const { engineViews, streamViews, statusViews, vpnViews } = this.deps
    const status = statusViews.orchestrator()
    return new Map<string, State>([
      ...engineViews.records().map(({ id, json }): [string, State] => [`engine ${id}`, plain(json)]),
      ...streamViews.started().map(({ rowId, json }): [string, State] => [`stream ${rowId}`, plain(json)]),
      ['status', { json: JSON.stringify(status), compared: comparedStatus(status) }],
      ['vpn', plain(JSON.stringify(vpnViews.status()))],
    ])
  }

  finalState(key: string, last: State): string | null {
    if (kindOf(key) === 'engine') {
      const { container_id, container_name }: EngineNames = JSON.parse(last.json)
      return JSON.stringify({ container_id, container_name, removed: true })
    }
    const stream = this.deps.streamViews.record(Number(key.split(' ')[1]))
    return stream && JSON.stringify(stream)
  }
}

/** How often a proxy that asks all the time is news, in milliseconds. */
const HEARD_STEP_MS = 10_000

/** A new timestamp alone is not a change. */
function comparedStatus(status: ReturnType<StatusViews['orchestrator']>): string {
  const heard = Date.parse(status.proxies.last_heard ?? '')
  const places = status.proxies.heard.map(({ last_heard: _, ...place }) => place)
  const proxies = { step: Math.floor(heard / HEARD_STEP_MS), places }
  return JSON.stringify({ ...status, proxies, timestamp: undefined })
}

interface EngineNames {
  readonly container_id: string | null
  readonly container_name: string | null
}

const plain = (json: string): State => ({ json, compared: json })

const KINDS: readonly StateKind[] = ['engine', 'stream', 'status', 'vpn']

export function kindOf(key: string): StateKind {
  const kind = KINDS.find((each) => key === each || key.startsWith(`${each} `))
  if (kind === undefined) throw new Error(`no kind of state: ${key}`)
  return kind
}

/** All records in one JSON object. */
export function snapshotJson(states: States): string {
  const of = (kind: StateKind): string =>
    [...states]
      .filter(([key]) => kindOf(key) === kind)
      .map(([, { json }]) => json)
      .join()
  return `{"status":${of('status')},"vpn":${of('vpn')},"engines":[${of('engine')}],"streams":[${of('stream')}]}`
}
