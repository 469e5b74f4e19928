import type { Verdict } from '../engines/health.ts'
import { type Engine, isLive } from '../types.ts'

/** What a proxy would be told about one engine: whether it is listed, and if not, why not. */
export interface Listing {
  readonly listed: boolean
  /** The first reason that hides it; null when it is listed. */
  readonly reason: string | null
}

interface Facts {
  readonly engine: Engine
  /** Whether its container runs, as far as is known. */
  readonly isRunning: boolean
  readonly verdict: Verdict
  /** Whether its VPN stands in its way; `none` also without one, and while nothing is known. */
  readonly vpnTrouble: VpnTrouble
}

/**
 * It is in no node's network; its node is down; its network belongs to an earlier start of the node; it lost its connection and
 * has not found it again though its node has.
 */
export type VpnTrouble = 'none' | 'outside' | 'node_down' | 'network_gone' | 'cut_off'

/** Read top to bottom, the first that holds is the reason. A proxy uses whatever is listed, whatever its health. */
const HIDDEN: readonly { readonly when: (facts: Facts) => boolean; readonly reason: string }[] = [
  { when: ({ engine }) => !isLive(engine), reason: 'it is history' },
  { when: ({ engine }) => engine.status === 'provisioning', reason: 'it is being provisioned' },
  { when: ({ engine }) => engine.removalRequestedAt !== null, reason: 'it is being removed' },
  { when: ({ engine }) => engine.status === 'draining', reason: 'it is draining' },
  { when: ({ vpnTrouble }) => vpnTrouble === 'outside', reason: 'it is outside the VPN' },
  { when: ({ isRunning }) => !isRunning, reason: 'its container is not running' },
  {
    when: ({ engine }) => engine.unclaimedSince !== null,
    reason: 'it is kept for the caller whose answer was lost',
  },
  { when: ({ vpnTrouble }) => vpnTrouble === 'node_down', reason: 'its VPN node is down' },
  {
    when: ({ vpnTrouble }) => vpnTrouble === 'network_gone',
    reason: 'its VPN node was restarted, and it has not joined it again yet',
  },
  {
    when: ({ vpnTrouble }) => vpnTrouble === 'cut_off',
    reason: 'it says that it is not connected, though its VPN node is up',
  },
  {
    when: ({ engine, verdict }) => engine.status === 'ready' && verdict === 'unhealthy',
    reason: 'it is unhealthy',
  },
]

/** Decides whether `GET /engines` may name this engine (the table of the design, section 3). */
export function listing(facts: Facts): Listing {
  const hidden = HIDDEN.find((rule) => rule.when(facts))
  return { listed: hidden === undefined, reason: hidden?.reason ?? null }
}

/** For so long an engine on which a proxy failed to start a stream comes after the healthy ones. */
export const FAILED_ATTEMPT_MS = 60_000

/** Whether it is among the first in the list: ready, healthy, and no proxy has just failed to start a stream on it. */
export const isFirst = (
  { status, failedAttemptAt }: Pick<Engine, 'status' | 'failedAttemptAt'>,
  verdict: Verdict,
  nowMs: number,
): boolean =>
  status === 'ready' &&
  verdict === 'healthy' &&
  (failedAttemptAt === null || nowMs - failedAttemptAt >= FAILED_ATTEMPT_MS)

/** Different orders at most, so that rendered lists can be kept without growing with the square of the fleet. */
const TURNS_MAX = 32

/** After how many calls the order of two such groups repeats. */
export function turnsOf(firsts: number, others: number): number {
  const [a, b] = [Math.max(1, firsts), Math.max(1, others)]
  return Math.min(TURNS_MAX, (a * b) / divisor(a, b))
}

/**
 * Puts the first group first and turns each of the two by the turn's share of it: the proxy takes the first of equals,
 * so turning from call to call spreads viewers that arrive together. `turn` is from 0 to `turnsOf(…) - 1`.
 */
export function inOrder<T>(items: readonly T[], isFirst: (item: T) => boolean, turn: number): T[] {
  const firsts = items.filter(isFirst)
  const others = items.filter((item) => !isFirst(item))
  const turns = turnsOf(firsts.length, others.length)
  return [...turned(firsts, turn, turns), ...turned(others, turn, turns)]
}

function turned<T>(items: readonly T[], turn: number, turns: number): T[] {
  const size = items.length
  if (size === 0) return []
  // A group with more members than there are turns is gone through in larger steps.
  const start = size > turns ? Math.floor((turn * size) / turns) % size : turn % size
  return [...items.slice(start), ...items.slice(0, start)]
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
