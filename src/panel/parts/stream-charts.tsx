import { useComputed, useSignal } from '@preact/signals'
import { useContext } from 'preact/hooks'
import type { JournalEntry, Stream } from '../api/types.ts'
import { type Band, bandsOfStream, bandsOfVpn } from '../reading/bands.ts'
import type { Line } from '../reading/chart-words.ts'
import { CHART_MS, type Point } from '../reading/samples.ts'
import { duration, MISSING, msOf, speed } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { BandKey } from './band-key.tsx'
import { Chart } from './chart.tsx'
import { useEntries, useHistory } from './use-history.ts'

export const SPEED: readonly Line<Point>[] = [
  { name: 'down', figureOf: ({ down }) => down, words: speed },
  { name: 'up', figureOf: ({ up }) => up, words: speed },
]
export const PEERS: readonly Line<Point>[] = [
  { name: 'peers', figureOf: ({ peers }) => peers, words: (n) => (n === null ? MISSING : String(n)) },
]
const BEHIND: readonly Line<Point>[] = [
  {
    name: 'behind',
    figureOf: ({ behind }) => behind,
    words: (seconds) => (seconds === null ? MISSING : shortOf(seconds)),
  },
]
/** A minute more or less matters; `1 min` would hide it. */
const shortOf = (seconds: number): string =>
  seconds < 300 ? `${Math.round(seconds)} s` : duration(seconds * 1_000)

const VPN_ENTRIES = 'kind=vpn&limit=200'
const isOfVpn = ({ kind }: JournalEntry): boolean => kind.startsWith('vpn.')
export const useVpnEntries = () => useEntries(VPN_ENTRIES, isOfVpn)

/** A stream that has just begun fills no more than a part of its charts. */
const SHORTEST_MS = 120_000
const NOTHING: readonly Point[] = []

/** The last hour of a stream: three charts with one axis, and why there is nothing where there is nothing. */
export function StreamCharts({ stream }: { readonly stream: Stream }) {
  const { fleet, now } = useContext(PanelContext)
  const history = useHistory([stream])
  const journal = useVpnEntries()
  const cursor = useSignal<number | null>(null)
  const points = useComputed(() => history.points.value.get(stream.record) ?? NOTHING)
  // The newest state of the stream: this component is drawn anew with each.
  const given = useSignal(stream)
  given.value = stream
  const bands = useComputed((): readonly Band[] => {
    const { container_id } = given.value
    const engine = fleet.engines.all().find((each) => each.container_id === container_id)
    const vpn = engine?.vpn_container === null ? [] : bandsOfVpn(journal.value, engine?.vpn_container ?? null)
    return [...bandsOfStream(given.value, points.value), ...vpn]
  })
  const span = useComputed(() => {
    const toMs = msOf(given.value.ended_at) ?? now.value
    const fromMs = Math.max(Date.parse(given.value.started_at), toMs - CHART_MS)
    return { fromMs: Math.min(fromMs, toMs - SHORTEST_MS), toMs }
  })
  const shared = { points, bands, span, cursor }
  return (
    <section class="card charts" aria-label="Charts">
      {history.problem.value !== null && (
        <p class="empty">What was before is missing: {history.problem.value}.</p>
      )}
      <Chart title="Speed" lines={SPEED} hasTimes={false} {...shared} />
      <Chart title="Peers" lines={PEERS} hasTimes={false} hasWords={false} {...shared} />
      <Chart
        title="Behind live"
        lines={BEHIND}
        tick={(seconds) => `${seconds} s`}
        hasWords={false}
        {...shared}
      />
      <BandKey bands={bands} span={span} />
    </section>
  )
}
