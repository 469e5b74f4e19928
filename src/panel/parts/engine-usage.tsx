import { useComputed, useSignal } from '@preact/signals'
import { useContext } from 'preact/hooks'
import type { EngineUse } from '../api/types.ts'
import type { Band } from '../reading/bands.ts'
import type { Line } from '../reading/chart-words.ts'
import { CHART_MS } from '../reading/samples.ts'
import { limitWords, mibWords, percentWords, type UsePoint, usePoints } from '../reading/usage.ts'
import { PanelContext } from '../state/panel.ts'
import { Chart } from './chart.tsx'
import { usePoll } from './use-poll.ts'

const CPU: readonly Line<UsePoint>[] = [
  { name: 'used', figureOf: ({ percent }) => percent, words: percentWords },
]
const MEMORY: readonly Line<UsePoint>[] = [{ name: 'used', figureOf: ({ mib }) => mib, words: mibWords }]
/** An idle engine uses next to nothing, and its chart should not look like that of a busy one. */
const LEAST_PERCENT = 10
/** There is nothing to show before this page was opened, so its charts begin short. */
const SHORTEST_MS = 120_000
const NO_BANDS: readonly Band[] = []

interface EngineUsageProps {
  readonly container: string
  /** Whether the charts stand side by side. */
  readonly isWide: boolean
}

/** What an engine uses of the machine, since its page was first opened. */
export function EngineUsage({ container, isWide }: EngineUsageProps) {
  const { api, uses, now } = useContext(PanelContext)
  usePoll(
    container,
    (signal) => api.get<EngineUse>(`engines/${encodeURIComponent(container)}/stats`, signal),
    (use) => uses.add(container, use),
  )
  const ring = uses.of(container)
  const points = useComputed(() => usePoints(ring.value))
  const bands = useSignal(NO_BANDS)
  const cursor = useSignal<number | null>(null)
  const span = useComputed(() => {
    const toMs = now.value
    const fromMs = Math.max(points.value[0]?.atMs ?? toMs, toMs - CHART_MS)
    return { fromMs: Math.min(fromMs, toMs - SHORTEST_MS), toMs }
  })
  const last = useComputed(() => ring.value.at(-1))
  const limits = last.value === undefined ? null : limitWords(last.value)
  const shared = { points, bands, span, cursor, hasWords: false }
  return (
    <div class="charts">
      <div class={isWide ? 'columns' : 'charts'}>
        <Chart
          title="CPU, 100 % is one core"
          lines={CPU}
          tick={(percent) => `${percent} %`}
          least={LEAST_PERCENT}
          hasTimes={isWide}
          {...shared}
        />
        <Chart title="Memory" lines={MEMORY} tick={(mib) => `${mib} MiB`} {...shared} />
      </div>
      <p class="more">{limits} Figures since this page was opened.</p>
    </div>
  )
}
