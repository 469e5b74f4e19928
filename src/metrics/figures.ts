import type { Verdict } from '../core/engines/health.ts'
import type { WarningCode } from '../core/reporting/warnings.ts'
import type { EngineStatus } from '../core/types.ts'
import type { NodeState } from '../core/vpn/vpn.ts'

/** The state of the VPN in the words of the earlier orchestrator. */
type VpnHealth = 'healthy' | 'unhealthy' | 'unknown' | 'disabled'

/** What a scrape asks the application: the figures of one moment, from the store and from memory. */
export interface Figures {
  readonly engines: EngineFigures
  readonly fleet: FleetFigures
  readonly streams: StreamFigures
  readonly vpn: {
    readonly health: VpnHealth
    readonly nodes: readonly { readonly name: string; readonly state: NodeState['state'] }[]
  }
  readonly breakers: Readonly<Record<'general' | 'replacement', 'closed' | 'open' | 'half_open'>>
  /** What a POST of acexy's empty body would meet now. */
  readonly canProvision: boolean
  readonly isDockerReachable: boolean
  readonly isStorageWritable: boolean
  /** Those in force. */
  readonly warnings: ReadonlySet<WarningCode>
  readonly isReady: boolean
  readonly database: { readonly bytes: number; readonly journalRows: number }
}

interface EngineFigures {
  readonly byStatus: ReadonlyMap<EngineStatus, number>
  /** Of those whose container runs. */
  readonly byVerdict: ReadonlyMap<Verdict, number>
  /** All that count against `MAX_REPLICAS`. */
  readonly live: number
  /** Those that `GET /engines` lists. */
  readonly listed: number
  /** Those with a started stream. */
  readonly used: number
  /** For how long the one has been unhealthy that has been so longest; 0 when none is. */
  readonly unhealthySeconds: number
}

/** What the plan of this moment says, and the limits that it keeps to. */
interface FleetFigures {
  readonly wanted: number
  /** `MIN_REPLICAS`, or what an operator scaled to. */
  readonly minimum: number
  readonly maximum: number
  /** Engines that count towards what is wanted, and those of them without viewers. */
  readonly serving: number
  readonly free: number
  readonly unhealthyGraceSeconds: number
}

interface StreamFigures {
  readonly started: number
  /** Ended ones included. */
  readonly inBooks: number
  /** Sums over the newest sample of each started stream. */
  readonly traffic: {
    readonly peers: number
    readonly downloadedBytes: number
    readonly uploadedBytes: number
    /** KB/s of 1024 bytes. */
    readonly speedDown: number
    readonly speedUp: number
  }
}
