import type { Verdict } from '../core/engines/health.ts'
import type { WarningCode } from '../core/reporting/warnings.ts'
import type { EngineStatus } from '../core/types.ts'
import type { NodeState } from '../core/vpn/node-state.ts'

/** The state of the VPN in the words of the earlier orchestrator. */
type VpnHealth = 'healthy' | 'unhealthy' | 'unknown' | 'disabled'

/** The figures of one moment for a scrape, from the store and from memory. */
export interface Figures {
  readonly engines: EngineFigures
  readonly fleet: FleetFigures
  readonly usage: UsageFigures
  readonly streams: StreamFigures
  readonly vpn: {
    readonly health: VpnHealth
    readonly nodes: readonly { readonly name: string; readonly state: NodeState['state'] }[]
  }
  /** The nodes of a swarm; empty on a single Docker Engine. */
  readonly hosts: readonly { readonly name: string; readonly isUp: boolean; readonly engines: number }[]
  readonly breakers: Readonly<Record<'general' | 'replacement', 'closed' | 'open' | 'half_open'>>
  /** Whether a provision with an empty body, as acexy sends it, would be accepted now. */
  readonly canProvision: boolean
  readonly isDockerReachable: boolean
  readonly isStorageWritable: boolean
  /** The warnings in force. */
  readonly warnings: ReadonlySet<WarningCode>
  readonly isReady: boolean
  readonly database: { readonly bytes: number; readonly journalRows: number }
}

interface EngineFigures {
  readonly byStatus: ReadonlyMap<EngineStatus, number>
  /** Only engines whose container runs. */
  readonly byVerdict: ReadonlyMap<Verdict, number>
  /** Engines that count against `MAX_REPLICAS`. */
  readonly live: number
  /** Engines that `GET /engines` lists. */
  readonly listed: number
  /** Engines with a started stream. */
  readonly used: number
  /** For how long the longest unhealthy engine has been unhealthy; 0 if none is. */
  readonly unhealthySeconds: number
}

/** What engines use, by the newest collections. */
interface UsageFigures {
  readonly cores: SumAndMax
  readonly memoryBytes: SumAndMax
}

/** Over all engines; 0 without any. */
interface SumAndMax {
  readonly sum: number
  readonly max: number
}

/** What the current plan says, and the limits that the plan keeps to. */
interface FleetFigures {
  readonly wanted: number
  /** `MIN_REPLICAS`, or the number that an operator scaled to. */
  readonly minimum: number
  readonly maximum: number
  /** Engines that count towards what is wanted, and how many of them have no viewers. */
  readonly serving: number
  readonly free: number
  readonly unhealthyGraceSeconds: number
}

interface StreamFigures {
  readonly started: number
  /** Includes ended streams. */
  readonly inBooks: number
  /** Sums over the newest sample of each started stream. */
  readonly traffic: {
    readonly peers: number
    readonly downloadedBytes: number
    readonly uploadedBytes: number
    /** In KB/s of 1024 bytes. */
    readonly speedDown: number
    readonly speedUp: number
  }
}
