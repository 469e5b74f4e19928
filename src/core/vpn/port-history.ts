/** A forwarded port, and since when it is told, in epoch milliseconds. */
interface ToldPort {
  readonly port: number
  readonly sinceMs: number
}

/** What a node's control server has told of its forwarded ports. Times are epoch milliseconds. */
export interface PortHistory {
  /** What it told last; null if that is not known, or too old to be believed. */
  readonly told: {
    readonly atMs: number
    /** The ports; while it says that none is forwarded, those that were until then. */
    readonly ports: readonly ToldPort[]
    /** Since when it says that no port is forwarded; null while one is. */
    readonly noneSinceMs: number | null
  } | null
  /** The ports that it told last, "none" aside; empty before the first. */
  readonly last: readonly number[]
  /**
   * When the ports changed, or came back after there was none for less than `STEADY_MS`, in the time before the last change that decides whether they
   * flap.
   */
  readonly changedMs: readonly number[]
}

/** Ports that changed this often within the time flap, until they have not changed for as long. */
const FLAPS_MIN = 3
const FLAPS_WITHIN_MS = 600_000

/** The control server may be asked at any rate; more changes than these say nothing new. */
const CHANGES_MAX = 600

/**
 * A port for which an engine is renewed has been told for this time: some providers give another one each minute. For as long
 * it may be away: the same port again is worth an engine, however often its VPN reconnects.
 */
const STEADY_MS = 180_000

export const NO_PORT_HISTORY: PortHistory = { told: null, last: [], changedMs: [] }

/** Notes the ports that the control server told, in its order; none for an answer that no port is forwarded. */
export function withPorts(before: PortHistory, ports: readonly number[], atMs: number): PortHistory {
  const { last } = before
  const kept = keptPorts(before, atMs)
  const noneSinceMs = before.told?.noneSinceMs ?? null
  if (ports.length === 0) return { ...before, told: { atMs, ports: kept, noneSinceMs: noneSinceMs ?? atMs } }
  const since = new Map(kept.map(({ port, sinceMs }) => [port, sinceMs]))
  const now = ports.map((port) => ({ port, sinceMs: since.get(port) ?? atMs }))
  const told = { atMs, ports: now, noneSinceMs: null }
  const isBack = noneSinceMs !== null && kept.length > 0
  if (last.length === 0 || (isSameSet(last, ports) && !isBack)) return { ...before, told, last: ports }
  const recent = before.changedMs.filter((changedMs) => atMs - changedMs <= FLAPS_WITHIN_MS)
  return { told, last: ports, changedMs: [...recent, atMs].slice(-CHANGES_MAX) }
}

/** The ports that go on where they were if they are told again: those that are forwarded, or have not been away for long. */
function keptPorts({ told }: PortHistory, nowMs: number): readonly ToldPort[] {
  if (told === null) return []
  return nowMs <= (told.noneSinceMs ?? nowMs) + STEADY_MS ? told.ports : []
}

/** Notes that it is not known any more which ports are forwarded. A port that is told again has to stand from then on. */
export const withoutPorts = (before: PortHistory): PortHistory => ({ ...before, told: null })

/** Whether other ports were told than before; the first ones are no others, and "none" is passed over. */
export const arePortsOther = ({ last: before }: PortHistory, { last: after }: PortHistory): boolean =>
  before.length > 0 && !isSameSet(before, after)

/** The ports that are forwarded now, the first one first; none if that is not known. */
export const toldPorts = (history: PortHistory): readonly number[] =>
  forwardedIn(history).map(({ port }) => port)

/** The forwarded ports that have stood for three minutes, so that it pays to renew an engine for one. */
export const steadyPorts = (history: PortHistory, nowMs: number): readonly number[] =>
  forwardedIn(history).flatMap(({ port, sinceMs }) => (nowMs - sinceMs >= STEADY_MS ? [port] : []))

const forwardedIn = ({ told }: PortHistory): readonly ToldPort[] =>
  told === null || told.noneSinceMs !== null ? [] : told.ports

/** The forwarded ports that an engine which starts anyway may get: all, or only the steady ones while they flap. */
export const offeredPorts = (history: PortHistory, nowMs: number): readonly number[] =>
  flapsOf(history, nowMs) === null ? toldPorts(history) : steadyPorts(history, nowMs)

/** How often ports changed or came back, and in what time. */
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
