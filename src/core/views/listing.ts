import type { Verdict } from '../engines/health.ts'
import type { OutOfReach } from '../engines/reach.ts'
import type { HostCondition } from '../hosts/host-state.ts'
import { type Engine, isLive } from '../types.ts'

/** What a proxy would be told about one engine: whether it is listed, and if not, why. */
export interface Listing {
  readonly listed: boolean
  /** The first reason that hides the engine; null if it is listed. */
  readonly reason: string | null
}

interface Facts {
  readonly engine: Engine
  /** Whether the engine's container runs, as far as is known. */
  readonly isRunning: boolean
  readonly verdict: Verdict
  /** Whether the VPN is a reason to hide the engine; `none` also without a VPN, and while nothing is known. */
  readonly vpnTrouble: VpnTrouble
  /** The state of its host, as the engine shows it; null if there is one host, or if nobody has seen the hosts yet. */
  readonly host: HostCondition | null
  /** Of whom the engine is out of reach; null also while a stream of it is started, or expected by a caller. */
  readonly outOfReach: OutOfReach['of'] | null
}

/**
 * `outside`: the engine is in no node's network. `node_down`: its node is down. `network_gone`: its network belongs to an
 * earlier start of the node. `cut_off`: it lost its connection and has not regained it, although its node has.
 */
export type VpnTrouble = 'none' | 'outside' | 'node_down' | 'network_gone' | 'cut_off'

/**
 * The rules are read from top to bottom; the first one that holds is the reason. A proxy uses every engine that is listed,
 * whatever its health.
 */
const HIDDEN: readonly { readonly when: (facts: Facts) => boolean; readonly reason: string }[] = [
  { when: ({ engine }) => !isLive(engine), reason: 'it is history' },
  { when: ({ engine }) => engine.status === 'provisioning', reason: 'it is being provisioned' },
  { when: ({ engine }) => engine.removalRequestedAt !== null, reason: 'it is being removed' },
  { when: ({ engine }) => engine.status === 'draining', reason: 'it is draining' },
  { when: ({ vpnTrouble }) => vpnTrouble === 'outside', reason: 'it is outside the VPN' },
  { when: ({ isRunning }) => !isRunning, reason: 'its container is not running' },
  // The container engine stops what runs there, so a viewer would be cut at once.
  { when: ({ host }) => host === 'drained', reason: 'its host is being drained' },
  { when: ({ host }) => host === 'lost', reason: 'its host does not answer the swarm' },
  {
    when: ({ outOfReach }) => outOfReach === 'us',
    reason: 'it is in no network of Roundhouse, and does not answer it',
  },
  {
    when: ({ outOfReach }) => outOfReach === 'proxies',
    reason: 'its port is not published at the address that proxies are told',
  },
  {
    when: ({ outOfReach }) => outOfReach === 'names',
    reason: 'proxies would be told its name, which means nothing in its networks',
  },
  {
    when: ({ engine }) => engine.unclaimedSince !== null,
    reason: 'it is kept for the caller whose answer was lost',
  },
  {
    when: ({ engine }) => isBooting(engine),
    reason: 'it has not answered yet, and no caller was given it',
  },
  { when: ({ vpnTrouble }) => vpnTrouble === 'node_down', reason: 'its VPN node is down' },
  {
    when: ({ vpnTrouble }) => vpnTrouble === 'network_gone',
    reason: 'its VPN node was restarted, and it has not joined it again yet',
  },
  {
    when: ({ vpnTrouble }) => vpnTrouble === 'cut_off',
    reason: 'it says that it is not connected, though its VPN works',
  },
  {
    when: ({ engine, verdict }) => engine.status === 'ready' && verdict === 'unhealthy',
    reason: 'it is unhealthy',
  },
]

/**
 * Whether Roundhouse started the engine by itself and it has not answered yet. A proxy that used it now would find no server
 * there. An engine that a caller was given is listed at once, and an adopted one may have viewers.
 */
const isBooting = ({ status, readyAt, handedOutAt, adoptedAt }: Engine): boolean =>
  status === 'starting' && readyAt === null && handedOutAt === null && adoptedAt === null

/** Decides whether `GET /engines` may list this engine. */
export function listing(facts: Facts): Listing {
  const hidden = HIDDEN.find((rule) => rule.when(facts))
  return { listed: hidden === undefined, reason: hidden?.reason ?? null }
}

/**
 * The health that a list shows. An engine that answers and is not known to play is shown as `unknown`: proxies use such an
 * engine after all healthy ones, whatever they prefer otherwise.
 */
export const shownHealth = (verdict: Verdict, isPlayingDoubtful: boolean): Verdict =>
  verdict === 'healthy' && isPlayingDoubtful ? 'unknown' : verdict

/** How long an engine on which a proxy failed to start a stream is listed after the healthy ones. */
export const FAILED_ATTEMPT_MS = 60_000

/**
 * Whether the engine belongs to the first group in the list: it is ready, shown as healthy, and no proxy has just failed to
 * start a stream on it.
 */
export const isFirst = (
  { status, failedAttemptAt }: Pick<Engine, 'status' | 'failedAttemptAt'>,
  shown: Verdict,
  nowMs: number,
): boolean =>
  status === 'ready' &&
  shown === 'healthy' &&
  (failedAttemptAt === null || nowMs - failedAttemptAt >= FAILED_ATTEMPT_MS)

/**
 * The maximum number of different orders, so that the rendered lists can be cached without growing with the square of the
 * fleet.
 */
const TURNS_MAX = 32

/** The number of calls after which the order of groups of these sizes repeats. */
export const turnsOf = (sizes: readonly number[]): number =>
  Math.min(
    TURNS_MAX,
    sizes.filter((size) => size > 0).reduce((turns, size) => (turns * size) / divisor(turns, size), 1),
  )

/**
 * Rotates each group by its share of the turn, and puts them one after the other. A proxy takes the first of several equal
 * engines, so rotating from call to call spreads viewers that arrive together. `turn` is from 0 to `turnsOf(…) - 1`.
 */
export function inTurn<T>(groups: readonly (readonly T[])[], turn: number): T[] {
  const turns = turnsOf(groups.map(({ length }) => length))
  return groups.flatMap((group) => turned(group, turn, turns))
}

function turned<T>(items: readonly T[], turn: number, turns: number): readonly T[] {
  const size = items.length
  if (size === 0) return []
  // A group with more members than there are turns is rotated in larger steps.
  const start = size > turns ? Math.floor((turn * size) / turns) % size : turn % size
  return [...items.slice(start), ...items.slice(0, start)]
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
