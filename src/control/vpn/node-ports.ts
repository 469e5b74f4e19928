import {
  arePortsOther,
  type Flaps,
  flapsOf,
  NO_PORT_HISTORY,
  offeredPorts,
  type PortHistory,
  steadyPorts,
  toldPorts,
  withoutPorts,
  withPorts,
} from '../../core/vpn/port-history.ts'

/** The ports that are forwarded to a node, and what may be done with them. Times are epoch milliseconds. */
export interface PortsNow {
  /** The ports that the VPN provider forwards to the node, the first one first; empty if that is not known. */
  readonly forwardedPorts: readonly number[]
  readonly isPortKnown: boolean
  /** Those of them that an engine may get which starts anyway; none at which the node's container itself listens. */
  readonly offeredPorts: readonly number[]
  /** Those of them for which an engine may be renewed; again none of the container itself. */
  readonly steadyPorts: readonly number[]
  /** How they flap; null if they do not. */
  readonly portFlaps: Flaps | null
  /** When the control server last told them, or that there is none; null if that is not known, or does not matter. */
  readonly portToldMs: number | null
  /** Since when the control server says that no port is forwarded; null if it does not, or if that does not matter. */
  readonly noPortSinceMs: number | null
  /** The control server told a port since the node's container was made. */
  readonly hadPort: boolean
}

/**
 * The forwarded ports of one node: those that are fixed by the configuration, or those that the node's control server tells.
 * Kept in memory, unknown after a restart.
 */
export class NodePorts {
  #history: PortHistory = NO_PORT_HISTORY
  #hadPort = false
  #now: PortsNow

  constructor(
    private readonly settings: {
      readonly fixedPorts: readonly number[]
      readonly ownPorts: readonly number[]
    },
    /** How long what the control server told is believed. */
    private readonly maxAgeMs: number,
  ) {
    this.#now = this.#nowAt(0)
  }

  get now(): PortsNow {
    return this.#now
  }

  /** Notes the ports that the control server told. Returns those before if they changed, otherwise null. */
  told(ports: readonly number[], atMs: number): readonly number[] | null {
    const before = this.#history
    this.#history = withPorts(before, ports, atMs)
    this.#hadPort ||= ports.length > 0
    this.#now = this.#nowAt(atMs)
    return this.settings.fixedPorts.length > 0 || !arePortsOther(before, this.#history) ? null : before.last
  }

  /** Notes that nothing tells any more which ports are forwarded. `isNewContainer`: the node has another container by now. */
  forget(isNewContainer: boolean): void {
    if (isNewContainer) this.#hadPort = false
    this.#history = withoutPorts(this.#history)
    this.#now = { ...this.#nowAt(0), portFlaps: this.#now.portFlaps }
  }

  /** Looks at what time has changed. Returns whether other ports are known, or something else may be done with them. */
  look(nowMs: number): boolean {
    const { told } = this.#history
    if (told !== null && nowMs - told.atMs > this.maxAgeMs) this.#history = withoutPorts(this.#history)
    const before = this.#now
    this.#now = this.#nowAt(nowMs)
    return USES.some((use) => String(before[use]) !== String(this.#now[use]))
  }

  #nowAt(nowMs: number): PortsNow {
    const { fixedPorts: fixed } = this.settings
    if (fixed.length > 0) {
      const usable = this.#usable(fixed)
      return {
        ...NOTHING_TOLD,
        isPortKnown: true,
        forwardedPorts: fixed,
        offeredPorts: usable,
        steadyPorts: usable,
      }
    }
    const history = this.#history
    return {
      forwardedPorts: toldPorts(history),
      isPortKnown: history.told !== null,
      offeredPorts: this.#usable(offeredPorts(history, nowMs)),
      steadyPorts: this.#usable(steadyPorts(history, nowMs)),
      portFlaps: flapsOf(history, nowMs),
      portToldMs: history.told?.atMs ?? null,
      noPortSinceMs: history.told?.noneSinceMs ?? null,
      hadPort: this.#hadPort,
    }
  }

  #usable(ports: readonly number[]): readonly number[] {
    return ports.filter((port) => !this.settings.ownPorts.includes(port))
  }
}

const NOTHING_TOLD = { portFlaps: null, portToldMs: null, noPortSinceMs: null, hadPort: false } as const

const USES = ['isPortKnown', 'offeredPorts', 'steadyPorts'] as const
