/* The shapes of the API, as the routes declare them. Only types come from there; nothing of the server is in the page. */
import type { Static } from '@sinclair/typebox'
import type {
  EngineProvisioned,
  EngineState,
  JournalEntry as JournalEntryShape,
  Stopped,
  StreamSample,
  StreamState,
} from '../../http/schemas.ts'
import type {
  HealthStatusReport,
  OrchestratorStatus,
  Passed,
  PlanReport,
  Scaled,
  Unscaled,
  VpnStatus,
} from '../../http/status-schemas.ts'
import type { EngineUse as EngineUseShape } from '../../http/usage-schemas.ts'

export type Engine = Static<typeof EngineState>
/** What an engine uses, as `GET /engines/stats` tells it of each; `GET /engines/{id}/stats` tells more. */
export type EngineUse = Static<typeof EngineUseShape>
export type Stream = Static<typeof StreamState>
export type Sample = Static<typeof StreamSample>
export type JournalEntry = Static<typeof JournalEntryShape>
export type Status = Static<typeof OrchestratorStatus>
export type Vpn = Static<typeof VpnStatus>
export type Plan = Static<typeof PlanReport>
export type Health = Static<typeof HealthStatusReport>
export type ProvisionedEngine = Static<typeof EngineProvisioned>
export type ScaledFleet = Static<typeof Scaled>
export type UnscaledFleet = Static<typeof Unscaled>
export type FullPass = Static<typeof Passed>
export type StoppedStream = Static<typeof Stopped>

/** Everything that the page shows at once, as the feed sends it first. */
export interface Snapshot {
  readonly status: Status
  readonly vpn: Vpn
  readonly engines: readonly Engine[]
  readonly streams: readonly Stream[]
}

/** An engine that is no more. */
interface RemovedEngine {
  readonly container_id: string | null
  readonly container_name: string | null
  readonly removed: true
}

/** One event of `GET /events/stream`, with its parsed data. */
export type FeedEvent =
  | { readonly event: 'snapshot'; readonly data: Snapshot }
  | { readonly event: 'journal'; readonly data: JournalEntry }
  | { readonly event: 'engine'; readonly data: Engine | RemovedEngine }
  | { readonly event: 'stream'; readonly data: Stream }
  | { readonly event: 'status'; readonly data: Status }
  | { readonly event: 'vpn'; readonly data: Vpn }
  | { readonly event: 'missed'; readonly data: Missed }

/** Journal entries that do not come. */
interface Missed {
  readonly from?: number
  readonly to?: number
  readonly reason: string
}
