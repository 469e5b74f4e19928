import type { Status } from '../api/types.ts'
import { useIsFirstRun } from './first-run.tsx'
import { Mark } from './state-mark.tsx'
import { Ago } from './when.tsx'

/** What the banner of every page says, and what the checklist says as long as it is there. */
const IN_BANNER = new Set<string>(['docker_silent'])
const IN_CHECKLIST = new Set<string>(['image_missing', 'image_pulling'])

/** What the server wants to be known, each with its remedy. */
export function Warnings({ warnings: all }: Pick<Status, 'warnings'>) {
  const isFirstRun = useIsFirstRun()
  const warnings = all.filter(({ code }) => !IN_BANNER.has(code) && !(isFirstRun && IN_CHECKLIST.has(code)))
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
