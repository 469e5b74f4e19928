import type { FleetSnapshot } from '../../core/plan/fleet-snapshot.ts'
import { plan } from '../../core/plan/plan.ts'
import { countJournal } from '../../store/journal.ts'
import { sumsOfStarted } from '../../store/samples.ts'
import { databaseBytes } from '../../store/size.ts'
import type { Store } from '../../store/store.ts'
import { countStreams, startedByEngine } from '../../store/streams.ts'
import type { Facts } from '../facts/facts.ts'
import type { HostFacts } from '../facts/host-facts.ts'
import type { UsageFacts } from '../facts/usage-facts.ts'
import type { FleetSnapshots } from '../fleet/fleet-snapshots.ts'
import type { Admission } from '../provisioning/admission.ts'
import type { Warnings } from '../reporting/warnings.ts'
import type { VpnNodes } from '../vpn/vpn-nodes.ts'

export interface FleetFiguresDeps {
  readonly store: Store
  readonly facts: Facts
  readonly usage: Pick<UsageFacts, 'totals'>
  readonly admission: Admission
  readonly nodes: VpnNodes
  readonly hosts: Pick<HostFacts, 'all'>
  readonly warnings: Warnings
  readonly snapshots: FleetSnapshots
  readonly listedEngines: () => number
  readonly canProvision: () => boolean
  readonly isReady: () => boolean
}

const VPN_HEALTH = { up: 'healthy', down: 'unhealthy', unknown: 'unknown' } as const

/** The figures for a scrape of the metrics. They are computed each time from the store and memory, so they cannot drift. */
export class FleetFigures {
  constructor(private readonly deps: FleetFiguresDeps) {}

  /** Returns the current figures. Waits for nothing. */
  take() {
    const { store, facts, usage, admission, nodes, hosts, warnings, snapshots } = this.deps
    const { listedEngines, canProvision, isReady } = this.deps
    const { db } = store
    const vpn = admission.vpn()
    const snapshot = snapshots.take()
    return {
      engines: { ...engineFigures(snapshot), listed: listedEngines() },
      fleet: fleetFigures(snapshot),
      usage: usage.totals(snapshot.nowMs),
      streams: this.#streams(),
      vpn: {
        health: vpn === null ? ('disabled' as const) : VPN_HEALTH[vpn.state],
        nodes: nodes.all().map(({ name, verdict }) => ({ name, state: verdict.state })),
      },
      hosts: (hosts.all() ?? []).map(({ id, name, isUp }) => ({
        name,
        isUp,
        engines: snapshot.engines.filter(({ engine }) => engine.host?.id === id).length,
      })),
      breakers: {
        general: admission.breaker(db, 'general').state,
        replacement: admission.breaker(db, 'replacement').state,
      },
      canProvision: canProvision(),
      isStorageWritable: store.failure() === null,
      isDockerReachable: facts.docker().state === 'reachable',
      warnings: new Set(warnings.standing().map(({ code }) => code)),
      isReady: isReady(),
      database: { bytes: databaseBytes(db), journalRows: countJournal(db) },
    }
  }

  #streams() {
    const { db } = this.deps.store
    const { peers, speedDown, speedUp, downloaded, uploaded } = sumsOfStarted(db)
    return {
      started: [...startedByEngine(db).values()].reduce((total, count) => total + count, 0),
      inBooks: countStreams(db),
      traffic: { peers, speedDown, speedUp, downloadedBytes: downloaded, uploadedBytes: uploaded },
    }
  }
}

function engineFigures({ engines, nowMs }: FleetSnapshot) {
  const health = engines.filter(({ isRunning }) => isRunning).map((observed) => observed.health)
  const unhealthy = health.filter(({ verdict }) => verdict === 'unhealthy')
  return {
    byStatus: countBy(engines, ({ engine }) => engine.status),
    byVerdict: countBy(health, ({ verdict }) => verdict),
    live: engines.length,
    used: engines.filter(({ streams }) => streams > 0).length,
    unhealthySeconds: Math.max(0, ...unhealthy.map(({ sinceMs }) => (nowMs - sinceMs) / 1000)),
  }
}

function fleetFigures(snapshot: FleetSnapshot) {
  const { wanted, serving, busy } = plan(snapshot)
  const { minReplicas, maxReplicas, unhealthyGraceMs } = snapshot.policy
  const unhealthyGraceSeconds = unhealthyGraceMs / 1000
  const limits = { minimum: minReplicas, maximum: maxReplicas, unhealthyGraceSeconds }
  return { ...limits, wanted, serving, free: serving - busy }
}

function countBy<T, Key extends string>(
  items: readonly T[],
  keyOf: (item: T) => Key,
): ReadonlyMap<Key, number> {
  const counts = new Map<Key, number>()
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1)
  return counts
}
