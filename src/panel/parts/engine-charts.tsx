import { useComputed, useSignal } from '@preact/signals'
import { useContext, useEffect } from 'preact/hooks'
import type { Engine, Stream } from '../api/types.ts'
import { bandsOfVpn } from '../reading/bands.ts'
import { CHART_MS, playedSince, sumOf } from '../reading/samples.ts'
import { PanelContext } from '../state/panel.ts'
import { BandKey } from './band-key.tsx'
import { Chart } from './chart.tsx'
import { EngineUsage } from './engine-usage.tsx'
import { PEERS, SPEED, useVpnEntries } from './stream-charts.tsx'
import { useHistory } from './use-history.ts'

/** Histories are asked for one by one, so the oldest streams of a busy hour are left out. */
const STREAMS_MAX = 20

/** The last hour of an engine: what its streams moved together, and what it used of the machine. */
export function EngineCharts({ engine }: { readonly engine: Engine }) {
  const { now } = useContext(PanelContext)
  const container = engine.container_id
  const streams = useStreamsOf(container)
  const hasPlayed = streams.length > 0
  const history = useHistory(streams)
  const journal = useVpnEntries()
  const cursor = useSignal<number | null>(null)
  const node = useSignal(engine.vpn_container)
  node.value = engine.vpn_container
  const points = useComputed(() => sumOf([...history.points.value.values()]))
  const bands = useComputed(() => (node.value === null ? [] : bandsOfVpn(journal.value, node.value)))
  const span = useComputed(() => ({ fromMs: now.value - CHART_MS, toMs: now.value }))
  const shared = { points, bands, span, cursor }
  return (
    <section class="card charts" aria-label="Charts">
      {history.problem.value !== null && (
        <p class="empty">What was before is missing: {history.problem.value}.</p>
      )}
      {!hasPlayed && <p class="empty">No stream in the last hour.</p>}
      <div class={hasPlayed ? 'columns' : ''}>
        {hasPlayed && (
          <div class="charts">
            <Chart title="Speed of its streams" lines={SPEED} hasTimes={false} {...shared} />
            <Chart title="Peers of its streams" lines={PEERS} hasWords={false} {...shared} />
            <BandKey bands={bands} span={span} />
          </div>
        )}
        {container !== null && <EngineUsage key={container} container={container} isWide={!hasPlayed} />}
      </div>
    </section>
  )
}

/** The newest streams that played on a container in the last hour, also those that ended before the page was opened. */
function useStreamsOf(container: string | null): readonly Stream[] {
  const { api, fleet, now } = useContext(PanelContext)
  const loaded = useSignal<readonly Stream[]>([])
  useEffect(() => {
    if (container === null) return
    const leaving = new AbortController()
    const path = `streams?status=ended&container_id=${encodeURIComponent(container)}&limit=${STREAMS_MAX}`
    api.get<readonly Stream[]>(path, leaving.signal).then(
      (streams) => {
        loaded.value = streams
      },
      // The streams that the page knows anyway are counted.
      () => undefined,
    )
    return () => leaving.abort()
  }, [container, fleet.joins.value])
  if (container === null) return []
  const known = [...loaded.value, ...fleet.ended.value, ...fleet.streams.all()]
  const byRecord = new Map(known.map((stream) => [stream.record, stream]))
  return playedSince([...byRecord.values()], container, now.peek() - CHART_MS)
    .toSorted((a, b) => b.record - a.record)
    .slice(0, STREAMS_MAX)
}
