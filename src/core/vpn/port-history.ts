/** A forwarded port, and since when it is told without a break, in epoch milliseconds. */
interface ToldPort {
  readonly port: number
  readonly sinceMs: number
}

/** What a node's control server has told of its forwarded ports. Times are epoch milliseconds. */
export interface PortHistory {
  /** What it told last; null if that is not known, or too old to be believed. */
  readonly told: {
    readonly atMs: number
    /** Empty if it said that no port is forwarded. */
    readonly ports: readonly ToldPort[]
    /** Since when it says that no port is forwarded; null while one is. */
    readonly noneSinceMs: number | null
  } | null
  /** The ports that it told last, "none" aside; empty before the first. */
  readonly last: readonly number[]
  /** When the ports changed, in the time before the last change that decides whether they flap. */
  readonly changedMs: readonly number[]
}

/** Ports that changed this often within the time flap, until they have not changed for as long. */
const FLAPS_MIN = 3
const FLAPS_WITHIN_MS = 600_000

/** The control server may be asked at any rate; more changes than these say nothing new. */
const CHANGES_MAX = 600

/** A port for which an engine is renewed has been told for this time: some providers give another one each minute. */
const STEADY_MS = 180_000

export const NO_PORT_HISTORY: PortHistory = { told: null, last: [], changedMs: [] }

/** Notes the ports that the control server told, in its order; none for an answer that no port is forwarded. */
export function withPorts(before: PortHistory, ports: readonly number[], atMs: number): PortHistory {
  const since = new Map(before.told?.ports.map(({ port, sinceMs }) => [port, sinceMs]))
  const noneSinceMs = ports.length > 0 ? null : (before.told?.noneSinceMs ?? atMs)
  const told = { atMs, ports: ports.map((port) => ({ port, sinceMs: since.get(port) ?? atMs })), noneSinceMs }
  if (ports.length === 0) return { ...before, told }
  if (before.last.length === 0 || isSameSet(before.last, ports)) return { ...before, told, last: ports }
  const recent = before.changedMs.filter((changedMs) => atMs - changedMs <= FLAPS_WITHIN_MS)
  return { told, last: ports, changedMs: [...recent, atMs].slice(-CHANGES_MAX) }
}

/** Notes that it is not known any more which ports are forwarded. A port that is told again has to stand from then on. */
export const withoutPorts = (before: PortHistory): PortHistory => ({ ...before, told: null })

/** The ports that are forwarded now, the first one first; none if that is not known. */
export const toldPorts = ({ told }: PortHistory): readonly number[] =>
  told === null ? [] : told.ports.map(({ port }) => port)

/** The forwarded ports that have stood still for three minutes, so that it pays to renew an engine for one. */
export const steadyPorts = ({ told }: PortHistory, nowMs: number): readonly number[] =>
  told === null ? [] : told.ports.flatMap(({ port, sinceMs }) => (nowMs - sinceMs >= STEADY_MS ? [port] : []))

/** The forwarded ports that an engine which starts anyway may get: all, or only the steady ones while they flap. */
export const offeredPorts = (history: PortHistory, nowMs: number): readonly number[] =>
  flapsOf(history, nowMs) === null ? toldPorts(history) : steadyPorts(history, nowMs)

/** How often ports changed, and in what time. */
export interface Flaps {
  readonly changes: number
  /** From the first of these changes to the last one, in milliseconds. */
  readonly withinMs: number
}

/** How the ports flap; null if they do not. Ten minutes without a change end it. */
export function flapsOf({ changedMs }: PortHistory, nowMs: number): Flaps | null {
  const [first] = changedMs
  const last = changedMs.at(-1)
  if (first === undefined || last === undefined || changedMs.length < FLAPS_MIN) return null
  return last + FLAPS_WITHIN_MS < nowMs ? null : { changes: changedMs.length, withinMs: last - first }
}

const isSameSet = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((port) => other.includes(port))
