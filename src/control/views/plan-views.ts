import type { Action } from '../../core/plan/fleet-snapshot.ts'
import { overrideInWords } from '../../core/reporting/scale-override.ts'
import { engineById } from '../../store/engines.ts'
import type { Store } from '../../store/store.ts'
import type { FleetSnapshots } from '../fleet/fleet-snapshots.ts'
import type { Reconciler } from '../fleet/reconciler.ts'
import { isoOrNull } from './iso.ts'

/** `GET /orchestrator/plan`: what the reconciler would do now, and why. Nothing is done. */
export class PlanViews {
  constructor(
    private readonly deps: {
      readonly store: Store
      readonly reconciler: Pick<Reconciler, 'dryRun'>
      readonly snapshots: Pick<FleetSnapshots, 'override'>
    },
  ) {}

  plan() {
    const { wanted, serving, busy, expected, actions, waits, wakeAtMs } = this.deps.reconciler.dryRun()
    return {
      wanted,
      serving,
      busy,
      expected,
      actions: actions.map((action) => this.#view(action)),
      waits: [...waits],
      next_look: isoOrNull(wakeAtMs),
      override: this.#override(),
    }
  }

  #override() {
    const override = this.deps.snapshots.override()
    if (override === null) return null
    const { minReplicas, replicas, atMs } = override
    return {
      min_replicas: minReplicas,
      scaled_to: replicas,
      at: new Date(atMs).toISOString(),
      message: overrideInWords(override),
    }
  }

  #view(action: Action) {
    const engineId = 'engineId' in action ? action.engineId : null
    const engine = engineId === null ? undefined : engineById(this.deps.store.db, engineId)
    return {
      action: action.type,
      rule: action.rule,
      reason: action.reason,
      engine_id: engineId,
      container_id: engine?.containerId ?? null,
      container_name: engine?.name ?? null,
    }
  }
}
