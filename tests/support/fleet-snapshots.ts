import type { Action, FleetSnapshot, ObservedEngine, Policy } from '../../src/core/plan/fleet-snapshot.ts'
import type { Engine } from '../../src/core/types.ts'
import { engine } from './builders.ts'

/** The time of all these snapshots. Engines of `observed` were made and used long before it. */
export const NOW = 10_000_000

/** A healthy, idle engine. `row` changes what is stored about it. */
export function observed(
  id: string,
  change: Partial<Omit<ObservedEngine, 'engine'>> = {},
  row: Partial<Engine> = {},
): ObservedEngine {
  return {
    engine: engine({ id, name: id, ...row }),
    host: null,
    isRunning: (row.containerState ?? 'running') === 'running',
    isInHand: false,
    isFailing: false,
    streams: 0,
    expected: null,
    health: { verdict: 'healthy', sinceMs: 2_000 },
    probedSinceMs: 0,
    stillMs: null,
    look: { kind: 'clear' },
    sight: { atMs: NOW, connections: 'none', traffic: 'still', countedMs: 30_000 },
    outdated: null,
    outOfReach: null,
    playsNothing: null,
    node: null,
    outside: null,
    ...change,
  }
}

const POLICY: Policy = {
  minReplicas: 0,
  minFree: 0,
  maxReplicas: 20,
  autoDelete: false,
  scaledAtMs: null,
  graceMs: 30_000,
  drainHideMs: 30_000,
  startupTimeoutMs: 90_000,
  concurrentStarts: 5,
  startIntervalMs: 0,
  unhealthyGraceMs: 60_000,
  replacementCooldownMs: 60_000,
  reconnectGraceMs: 10_000,
  restartsOnReconnect: true,
  isVpnStrict: true,
}

/** A fleet without obstacles. A test names only the members that it is about. */
export function snapshot(
  engines: readonly ObservedEngine[],
  policy: Partial<Policy> = {},
  change: Partial<FleetSnapshot> = {},
): FleetSnapshot {
  return {
    engines,
    policy: { ...POLICY, ...policy },
    nowMs: NOW,
    frozen: null,
    watchedSinceMs: 0,
    startRefusal: null,
    replacementRefusal: null,
    isStartTrial: false,
    startsHeldUntilMs: 0,
    replacement: null,
    ...change,
  }
}

/** Renders actions as short text: type, engine if any, and rule. */
export const inShort = (actions: readonly Action[]): string[] =>
  actions.map((action) =>
    ['engineId' in action ? `${action.type} ${action.engineId}` : action.type, action.rule].join(': '),
  )
