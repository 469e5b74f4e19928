import { useContext } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'
import { provisionOrder } from '../acts/orders.ts'
import { dockerSilence } from '../reading/docker.ts'
import { PanelContext } from '../state/panel.ts'
import { ActBox } from './act-box.tsx'
import { useIsFirstRun } from './first-run.tsx'
import { PullProgress } from './pull-progress.tsx'

/** Starts an engine. */
export function ProvisionAct() {
  const { fleet } = useContext(PanelContext)
  const acts = useContext(ActsContext)
  const act = acts.of('provision')
  const status = fleet.status.value
  const progress = useStarting()
  const isFirstRun = useIsFirstRun()
  if (status === null) return null
  return (
    <div class="provision">
      <ActBox
        act={act}
        label="Provision"
        before={status.provisioning.can_provision ? 'starts one engine' : 'would be refused now'}
        why={dockerSilence(status)}
        progress={progress}
        onAct={() => void act.run(provisionOrder(acts.clickKey()))}
      />
      {status.image.pull !== null && !isFirstRun && <PullProgress pull={status.image.pull} />}
    </div>
  )
}

/** The engine that has begun since the act was asked for, as the feed shows it. */
function useStarting(): string | null {
  const { fleet } = useContext(PanelContext)
  const state = useContext(ActsContext).of('provision').state.value
  if (state.step !== 'asked') return null
  const begun = fleet.engines
    .all()
    .filter(({ first_seen }) => Date.parse(first_seen) >= state.sinceMs - 1_000)
    .at(-1)
  return begun === undefined ? null : `${begun.container_name} starts`
}
