import { useContext } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'
import { resetOrder } from '../acts/orders.ts'
import type { Health } from '../api/types.ts'
import { breakerAnswer } from '../reading/breakers.ts'
import { PanelContext } from '../state/panel.ts'
import { ActBox } from './act-box.tsx'
import { State } from './state-mark.tsx'
import { Ago } from './when.tsx'

interface BreakerActProps {
  readonly name: keyof Health['circuit_breakers']
  /** What it guards, in words. */
  readonly what: string
  readonly breaker: Health['circuit_breakers']['general']
}

/** A circuit breaker: how it stands, its last faults, and its reset. */
export function BreakerAct({ name, what, breaker }: BreakerActProps) {
  const { now } = useContext(PanelContext)
  const act = useContext(ActsContext).of(`reset ${name}`)
  const { tone, word, text } = breakerAnswer(breaker, now.value)
  const isClean = breaker.state === 'closed' && breaker.failure_count === 0
  return (
    <li class="breaker">
      <h3>
        {what} <State tone={tone} word={word} />
      </h3>
      <p>{text}</p>
      <Faults breaker={breaker} />
      {(!isClean || act.state.value.step !== 'idle') && (
        <ActBox
          act={act}
          label="Reset"
          before="closes it and forgets its failures: starts are tried again at once"
          why={isClean ? 'it is closed' : null}
          onAct={() => void act.run(resetOrder(name))}
        />
      )}
    </li>
  )
}

/** The last faults, newest first, each with its time and its reason. */
function Faults({
  breaker: { last_faults: faults, last_failure_time: at },
}: Pick<BreakerActProps, 'breaker'>) {
  if (faults.length === 0)
    return at === null ? null : (
      <p class="empty">
        Last failure <Ago at={at} />
      </p>
    )
  return (
    <ol class="faults" aria-label="Last faults">
      {faults.map(({ at: failedAt, engine_id, container_name, reason }) => (
        <li key={`${failedAt} ${engine_id}`}>
          <Ago at={failedAt} /> <span class="mono">{container_name ?? 'an engine'}</span>
          <span class="because">{reason}</span>
        </li>
      ))}
    </ol>
  )
}
