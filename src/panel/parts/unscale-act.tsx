import { useContext } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'
import { unscaleOrder } from '../acts/orders.ts'
import type { Plan, Status } from '../api/types.ts'
import { dockerSilence } from '../reading/docker.ts'
import { scaleWords } from '../reading/plan.ts'
import { ActBox } from './act-box.tsx'
import { Mark } from './state-mark.tsx'

/** Tells of the order that overrides MIN_REPLICAS, and undoes it. The outcome stays when the order is gone. */
export function UnscaleAct({ plan, status }: { readonly plan: Plan; readonly status: Status }) {
  const act = useContext(ActsContext).of('unscale')
  const { override } = plan
  if (override === null && act.state.value.step === 'idle') return null
  const why = override === null ? 'MIN_REPLICAS holds' : dockerSilence(status)
  return (
    <div class="scale">
      {override !== null && (
        <p class="outcome">
          <Mark tone="warn" />
          <span>{override.message}</span>
        </p>
      )}
      <ActBox
        act={act}
        label="Undo the order"
        before={override === null ? '' : scaleWords(override.min_replicas, plan, status)}
        why={why}
        onAct={() => void act.run(unscaleOrder)}
      />
    </div>
  )
}
