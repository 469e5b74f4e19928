import { useContext, useId, useState } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'
import { scaleOrder } from '../acts/orders.ts'
import type { Plan, Status } from '../api/types.ts'
import { dockerSilence } from '../reading/docker.ts'
import { scaleWords } from '../reading/plan.ts'
import { ActBox } from './act-box.tsx'

/** Sets how many engines are kept. The number follows the server's until somebody changes it here. */
export function ScaleAct({ plan, status }: { readonly plan: Plan | null; readonly status: Status }) {
  const acts = useContext(ActsContext)
  const id = useId()
  const [wish, setWish] = useState<number | null>(null)
  const { min_replicas: kept, max_replicas: max } = status.capacity
  const to = wish ?? kept
  const act = acts.of('scale')
  const silence = dockerSilence(status)
  return (
    <div class="scale">
      <div class="stepper">
        <label for={id}>Engines to keep</label>
        <button
          type="button"
          aria-label="One less"
          aria-disabled={to === 0}
          onClick={() => setWish(Math.max(0, to - 1))}
        >
          −
        </button>
        <input
          id={id}
          inputMode="numeric"
          pattern="[0-9]{1,6}"
          value={String(to)}
          onInput={({ currentTarget }) => {
            const digits = currentTarget.value.replaceAll(/\D/g, '').slice(0, 6)
            currentTarget.value = digits
            setWish(digits === '' ? null : Number(digits))
          }}
        />
        <button
          type="button"
          aria-label="One more"
          aria-disabled={to >= max}
          onClick={() => setWish(Math.max(to, Math.min(max, to + 1)))}
        >
          +
        </button>
      </div>
      <ActBox
        act={act}
        label="Scale"
        before={scaleWords(to, plan, status)}
        why={silence}
        onAct={() => void act.run(scaleOrder(to)).then(() => setWish(null))}
      />
    </div>
  )
}
