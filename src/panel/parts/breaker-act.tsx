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
  /** Why an engine failed last; null if that is not known. */
  readonly reason: string | null
}

/** A circuit breaker: how it stands, why, and its reset. */
export function BreakerAct({ name, what, breaker, reason }: BreakerActProps) {
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
      {breaker.last_failure_time !== null && (
        <p class="empty">
          Last failure <Ago at={breaker.last_failure_time} />
          {reason !== null && `: ${reason}`}
        </p>
      )}
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
