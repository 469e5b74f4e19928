import type { Verdict } from './health.ts'
import { type Engine, isLive, isRunning } from './types.ts'

/** What a proxy would be told about one engine: whether it is listed, and if not, why not. */
export interface Listing {
  readonly listed: boolean
  /** The first reason that hides it; null when it is listed. */
  readonly reason: string | null
}

interface Facts {
  readonly engine: Engine
  readonly verdict: Verdict
  /** `up` also when there is no VPN. */
  readonly vpn: 'up' | 'down' | 'unknown'
}

/** Read top to bottom, the first that holds is the reason. A proxy uses whatever is listed, whatever its health. */
const HIDDEN: readonly { readonly when: (facts: Facts) => boolean; readonly reason: string }[] = [
  { when: ({ engine }) => !isLive(engine), reason: 'it is history' },
  { when: ({ engine }) => engine.status === 'provisioning', reason: 'it is being provisioned' },
  { when: ({ engine }) => engine.removalRequestedAt !== null, reason: 'it is being removed' },
  { when: ({ engine }) => engine.status === 'draining', reason: 'it is draining' },
  { when: ({ engine }) => !isRunning(engine), reason: 'its container is not running' },
  {
    when: ({ engine }) => engine.unclaimedSince !== null,
    reason: 'it is kept for the caller whose answer was lost',
  },
  { when: ({ vpn }) => vpn === 'down', reason: 'its VPN node is down' },
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

/**
 * Puts the healthy and ready engines first and turns each of the two groups by `turn` places: the proxy takes the
 * first of equals, so turning from call to call spreads viewers that arrive together.
 */
export function inOrder<T>(items: readonly T[], isFirst: (item: T) => boolean, turn: number): T[] {
  return [
    ...turned(items.filter(isFirst), turn),
    ...turned(
      items.filter((item) => !isFirst(item)),
      turn,
    ),
  ]
}

function turned<T>(items: readonly T[], turn: number): T[] {
  const start = items.length === 0 ? 0 : turn % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}
