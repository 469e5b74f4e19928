import { useContext } from 'preact/hooks'
import { endInWords } from '../../core/streams/end-reasons.ts'
import { Entries } from '../parts/entries.tsx'
import { State } from '../parts/state-mark.tsx'
import { StreamActs } from '../parts/stream-acts.tsx'
import { StreamCharts } from '../parts/stream-charts.tsx'
import { useEntries } from '../parts/use-history.ts'
import { Ago } from '../parts/when.tsx'
import { journalLink } from '../reading/journal.ts'
import { behindLive, stateOf } from '../reading/streams.ts'
import { duration, MISSING, rate } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'

/** One stream: how it goes, with the last figures of its engine. */
export function StreamPage({ id }: { readonly id: string }) {
  const { fleet, now } = useContext(PanelContext)
  const started = fleet.streams.ids.value.includes(id) ? fleet.streams.row(id)?.value : undefined
  const stream = started ?? fleet.ended.value.find((each) => each.id === id)
  if (stream === undefined)
    return <p class="empty">This page knows no such stream. It may have ended a long time ago.</p>
  const behind = behindLive(stream)
  return (
    <>
      <p class="back">
        <a href="#/overview">Overview</a>
      </p>
      <section class="card" aria-label="Stream">
        <h2>
          <span class="mono">{stream.key}</span>{' '}
          {stream.status === 'started' ? (
            <State {...stateOf(stream, now.value)} />
          ) : (
            <State
              tone="unknown"
              word={`ended: ${stream.end_reason === null ? 'not known why' : endInWords(stream.end_reason)}`}
            />
          )}
        </h2>
        <dl class="facts">
          <dt>Down</dt>
          <dd class="number">{rate(stream.speed_down)}</dd>
          <dt>Up</dt>
          <dd class="number">{rate(stream.speed_up)}</dd>
          <dt>Peers</dt>
          <dd class="number">{stream.peers ?? MISSING}</dd>
          <dt>Behind live</dt>
          <dd class="number">{behind === null ? MISSING : duration(behind * 1_000)}</dd>
          <dt>Started</dt>
          <dd>
            <Ago at={stream.started_at} />
          </dd>
          <dt>Figures</dt>
          <dd>{stream.stats_at === null ? 'none yet' : <Ago at={stream.stats_at} />}</dd>
          <dt>Session</dt>
          <dd class="mono">{stream.playback_session_id}</dd>
        </dl>
        <StreamActs key={stream.record} stream={stream} />
      </section>
      <StreamCharts key={stream.record} stream={stream} />
      <StreamJournal key={stream.id} id={stream.id} />
    </>
  )
}

function StreamJournal({ id }: { readonly id: string }) {
  const entries = useEntries(`stream=${encodeURIComponent(id)}&limit=100`, (entry) => entry.stream_id === id)
  return (
    <section class="card" aria-label="What happened">
      <h2>What happened</h2>
      <Entries entries={entries.value} />
      <p class="more">
        <a href={journalLink({ stream: id })}>All entries</a>
      </p>
    </section>
  )
}
