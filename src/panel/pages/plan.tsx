import { useSignalEffect } from '@preact/signals'
import { useContext, useEffect, useState } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'
import { passOrder } from '../acts/orders.ts'
import type { Plan, Status } from '../api/types.ts'
import { ActBox } from '../parts/act-box.tsx'
import { BreakerAct } from '../parts/breaker-act.tsx'
import { Loading } from '../parts/loading.tsx'
import { ScaleAct } from '../parts/scale-act.tsx'
import { Mark } from '../parts/state-mark.tsx'
import { UnscaleAct } from '../parts/unscale-act.tsx'
import { dockerSilence } from '../reading/docker.ts'
import { ACTION_WORDS, wantedWhy } from '../reading/plan.ts'
import { duration } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { PlanWatch } from '../state/plan.ts'
import { engineLink } from '../state/route.ts'

/** How many engines are wanted and by which rule, what would be done next, and what is held back. */
export function PlanPage() {
  const { api, fleet } = useContext(PanelContext)
  const acts = useContext(ActsContext)
  const [watch] = useState(
    () =>
      new PlanWatch({
        api,
        after: (ms, callback) => acts.after(ms, callback),
        isSeen: () => document.visibilityState === 'visible',
      }),
  )
  useEffect(() => () => watch.stop(), [watch])
  // It asks at first, and again when an act has changed something.
  useSignalEffect(() => {
    acts.told.value
    watch.start()
  })
  const [status, plan, health] = [fleet.status.value, watch.plan.value, watch.health.value]
  return (
    <>
      {watch.failure.value !== null && (
        <p class="banner warn" role="alert">
          <Mark tone="warn" />
          <span>The plan is not known: {watch.failure.value}. It is asked for again.</span>
        </p>
      )}
      {plan === null || status === null ? (
        watch.failure.value === null && (
          <Loading awaited={`an answer of ${api.address('orchestrator/plan')}`} retry={() => watch.start()} />
        )
      ) : (
        <>
          <Wanted plan={plan} status={status} />
          <div class="columns">
            <Next plan={plan} />
            <Held plan={plan} />
          </div>
        </>
      )}
      {health !== null && (
        <section class="card" aria-label="Circuit breakers">
          <h2>Circuit breakers</h2>
          <ul class="breakers">
            <BreakerAct name="general" what="New engines" breaker={health.circuit_breakers.general} />
            <BreakerAct
              name="replacement"
              what="Replacements"
              breaker={health.circuit_breakers.replacement}
            />
          </ul>
        </section>
      )}
      <FullPass />
    </>
  )
}

function Wanted({ plan, status }: { readonly plan: Plan; readonly status: Status }) {
  return (
    <section class="card" aria-label="Wanted">
      <h2>
        Wanted: {plan.wanted} <span class="count">at most {status.capacity.max_replicas}</span>
      </h2>
      <p>{wantedWhy(plan, status)}</p>
      <dl class="numbers">
        <Figure name="Serving" value={plan.serving} />
        <Figure name="Busy" value={plan.busy} />
        <Figure name="Viewers on the way" value={plan.expected} />
        <Figure name="Kept at least" value={status.capacity.min_replicas} />
      </dl>
      <ScaleAct plan={plan} status={status} />
      <UnscaleAct plan={plan} status={status} />
    </section>
  )
}

function Figure({ name, value }: { readonly name: string; readonly value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

function Next({ plan: { actions, next_look } }: { readonly plan: Plan }) {
  const { now } = useContext(PanelContext)
  const leftMs = next_look === null ? null : Date.parse(next_look) - now.value
  return (
    <section class="card" aria-label="Next">
      <h2>Next</h2>
      {actions.length === 0 && <p class="empty">Nothing is to be done.</p>}
      <ol class="steps">
        {actions.map(({ action, rule, reason, engine_id, container_name }, n) => (
          // A plan may have several equal steps, and none of them has a name.
          <li key={`${n} ${action} ${engine_id}`}>
            <strong>{ACTION_WORDS[action]}</strong>{' '}
            {container_name !== null && <a href={engineLink(container_name)}>{container_name}</a>}
            <span class="because">
              {reason} <code>{rule}</code>
            </span>
          </li>
        ))}
      </ol>
      {leftMs !== null && leftMs > 0 && <p class="more">Time alone changes this in {duration(leftMs)}.</p>}
    </section>
  )
}

function Held({ plan: { waits } }: { readonly plan: Plan }) {
  return (
    <section class="card" aria-label="Held back">
      <h2>Held back</h2>
      {waits.length === 0 && <p class="empty">Nothing that is wanted waits.</p>}
      <ul class="steps">
        {waits.map((wait) => (
          <li key={wait}>{wait}</li>
        ))}
      </ul>
    </section>
  )
}

function FullPass() {
  const { fleet } = useContext(PanelContext)
  const act = useContext(ActsContext).of('full pass')
  const status = fleet.status.value
  return (
    <section class="card" aria-label="Full pass">
      <h2>Full pass</h2>
      <ActBox
        act={act}
        label="Full pass"
        before="looks at every container now and removes what nothing needs; it ends no engine with viewers"
        why={status === null ? null : dockerSilence(status)}
        onAct={() => void act.run(passOrder)}
      />
    </section>
  )
}
