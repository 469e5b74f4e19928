import type { Status } from '../api/types.ts'
import { Mark } from './state-mark.tsx'
import { Ago } from './when.tsx'

/** What the server wants to be known, each with its remedy. */
export function Warnings({ warnings }: Pick<Status, 'warnings'>) {
  if (warnings.length === 0) return null
  return (
    <section class="warnings" aria-label="Warnings">
      {warnings.map(({ code, message, remedy, since }) => (
        <details key={code} class="banner warn">
          <summary>
            <Mark tone="warn" />
            <span class="what">{message}</span>
            <Ago at={since} />
          </summary>
          <p>{remedy}</p>
        </details>
      ))}
    </section>
  )
}
