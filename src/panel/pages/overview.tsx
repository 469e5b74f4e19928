import { useComputed } from '@preact/signals'
import { useContext, useState } from 'preact/hooks'
import { endInWords } from '../../core/streams/end-reasons.ts'
import { EngineTable } from '../parts/engine-table.tsx'
import { CHECKLIST, FirstRun, useIsFirstRun } from '../parts/first-run.tsx'
import { HostList } from '../parts/host-list.tsx'
import { LoadingFeed } from '../parts/loading.tsx'
import { ProvisionAct } from '../parts/provision-act.tsx'
import { Mark } from '../parts/state-mark.tsx'
import { VpnDetails, VpnTrouble } from '../parts/vpn-details.tsx'
import { Warnings } from '../parts/warnings.tsx'
import { Ago, Clock } from '../parts/when.tsx'
import { changesOf, entryInWords } from '../reading/changes.ts'
import { cutsOf } from '../reading/cuts.ts'
import { behindLive, stateOf } from '../reading/streams.ts'
import { type Answer, canWatch } from '../reading/verdict.ts'
import { vpnAnswer } from '../reading/vpn.ts'
import { count, duration, rate, sentence, shortId } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { engineLink, streamLink } from '../state/route.ts'

/** How many streams and changes the overview shows; their pages have the rest. */
const STREAMS_SHOWN = 6
const CHANGES_SHOWN = 6

/** The five answers of someone whose TV stutters, and the engines. */
export function Overview() {
  const { fleet } = useContext(PanelContext)
  const [isVpnOpen, setIsVpnOpen] = useState(false)
  if (fleet.status.value === null) return <LoadingFeed />
  return (
    <>
      <Warnings warnings={fleet.status.value.warnings} />
      <Verdict />
      <VpnTrouble />
      <FirstRun />
      <div class="tiles">
        <Cuts />
        <VpnTile isOpen={isVpnOpen} onToggle={() => setIsVpnOpen(!isVpnOpen)} />
        <StreamsTile />
        <ChangesTile />
      </div>
      {isVpnOpen && <VpnDetails id={VPN_DETAILS} />}
      <div class="columns">
        <StreamList />
        <ChangeList />
      </div>
      <HostList />
      <EngineTable />
    </>
  )
}

const VPN_DETAILS = 'vpn-details'

function Verdict() {
  const { fleet, now } = useContext(PanelContext)
  const answer = useComputed(() => {
    const status = fleet.status.value
    return status === null ? null : canWatch(status, fleet.engines.all(), fleet.vpn.value)
  })
  if (answer.value === null) return null
  const { tone, word, text, remedy, untilMs, isBreaker } = answer.value
  const leftMs = untilMs === null ? 0 : untilMs - now.value
  return (
    <section class={`verdict ${tone}`} aria-label="Can a viewer get an engine now?">
      <Mark tone={tone} />
      <p>
        <strong>{word}:</strong> {text}
        {leftMs > 0 && (
          <span class="until">
            , {isBreaker ? 'one trial' : 'worth a try'} in {duration(leftMs)}
          </span>
        )}
        {remedy !== null && <span class="remedy">{sentence(remedy)}</span>}
        {isBreaker && (
          <span class="remedy">
            <a href="#/plan">Its last faults, and its reset</a>
          </span>
        )}
        <Heard />
      </p>
      <ProvisionAct />
    </section>
  )
}

/** When acexy was last heard of: on the first day it often asks another address, or nobody. */
function Heard() {
  const { fleet } = useContext(PanelContext)
  const isFirstRun = useIsFirstRun()
  const at = fleet.status.value?.proxies.last_heard ?? null
  return (
    <span class="remedy">
      {at === null ? (
        'No proxy has asked since the start.'
      ) : (
        <>
          A proxy was heard <Ago at={at} />.
        </>
      )}{' '}
      {!isFirstRun && <a href={CHECKLIST}>Checklist</a>}
    </span>
  )
}

function Tile({
  name,
  answer,
  href,
}: {
  readonly name: string
  readonly answer: Answer
  readonly href: string
}) {
  return (
    <a class={`tile ${answer.tone}`} href={href}>
      <span class="name">{name}</span>
      <span class="value">
        <Mark tone={answer.tone} />
        {answer.word}
      </span>
      <span class="text">{answer.text}</span>
    </a>
  )
}

function Cuts() {
  const { fleet, now } = useContext(PanelContext)
  const cuts = cutsOf(fleet.ended.value, now.value)
  const last = cuts[0]
  const text =
    last === undefined
      ? 'in the last hour'
      : `last: ${last.end_reason === null ? 'not known why' : endInWords(last.end_reason)}`
  const tone = cuts.length === 0 ? 'ok' : 'bad'
  return (
    <Tile
      name="Cuts"
      answer={{ tone, word: String(cuts.length), text, remedy: null }}
      href="#/journal?kind=stream"
    />
  )
}

/** Opens what each source says of the VPN. */
function VpnTile({ isOpen, onToggle }: { readonly isOpen: boolean; readonly onToggle: () => void }) {
  const { fleet } = useContext(PanelContext)
  const vpn = fleet.vpn.value
  const none: Answer = { tone: 'unknown', word: 'None', text: 'no VPN is configured', remedy: null }
  const answer = vpn === null ? null : vpnAnswer(vpn)
  const { tone, word, text } = answer ?? none
  return (
    <button
      type="button"
      class={`tile ${tone}`}
      aria-expanded={isOpen}
      aria-controls={VPN_DETAILS}
      onClick={onToggle}
    >
      <span class="name">VPN</span>
      <span class="value">
        {answer === null ? <span class="mark none" aria-hidden="true" /> : <Mark tone={tone} />}
        {word}
      </span>
      <span class="text">{text}</span>
    </button>
  )
}

function StreamsTile() {
  const { fleet, now } = useContext(PanelContext)
  const states = fleet.streams.all().map((stream) => stateOf(stream, now.value))
  const bad = states.filter(({ tone }) => tone === 'bad' || tone === 'warn').length
  const answer: Answer = {
    tone: bad > 0 ? 'bad' : 'ok',
    word: bad > 0 ? `${bad} of ${states.length}` : String(states.length),
    text: bad > 0 ? 'in trouble' : 'playing',
    remedy: null,
  }
  return <Tile name="Streams" answer={answer} href="#/overview" />
}

function ChangesTile() {
  const { fleet, now } = useContext(PanelContext)
  const changes = changesOf(fleet.journal.value, now.value)
  const bad = changes.filter(({ tone }) => tone === 'bad').length
  const answer: Answer = {
    tone: bad > 0 ? 'warn' : 'ok',
    word: String(changes.length),
    text: bad > 0 ? `${bad} of them bad` : 'in the last hour',
    remedy: null,
  }
  return <Tile name="Changes" answer={answer} href="#/journal" />
}

function StreamList() {
  const { fleet, now } = useContext(PanelContext)
  const judged = fleet.streams
    .all()
    .map((stream) => ({ stream, state: stateOf(stream, now.value) }))
    .toSorted((a, b) => a.state.rank - b.state.rank)
  const names = new Map(fleet.engines.all().map((each) => [each.container_id, each.container_name]))
  return (
    <section class="card" aria-label="Streams">
      <h2>Streams</h2>
      {judged.length === 0 && <p class="empty">Nobody watches.</p>}
      <ul class="lines">
        {judged.slice(0, STREAMS_SHOWN).map(({ stream, state }) => {
          const behind = behindLive(stream)
          return (
            <li key={stream.id}>
              <a href={streamLink(stream.id)}>
                <Mark tone={state.tone} />
                <span class="how">{state.word}</span>
                <span class="what">
                  <span class="mono">{shortId(stream.key)}</span>
                  <span class="where"> on {names.get(stream.container_id ?? '') ?? 'no engine of ours'}</span>
                </span>
                <span class="number">{rate(stream.speed_down)}</span>
                {stream.peers !== null && <span class="number">{count(stream.peers, 'peer')}</span>}
                {behind !== null && <span class="number">{duration(behind * 1_000)} behind</span>}
              </a>
            </li>
          )
        })}
      </ul>
      {judged.length > STREAMS_SHOWN && (
        <p class="more">and {judged.length - STREAMS_SHOWN} more that go well</p>
      )}
    </section>
  )
}

function ChangeList() {
  const { fleet, now } = useContext(PanelContext)
  const changes = changesOf(fleet.journal.value, now.value)
  return (
    <section class="card" aria-label="Last hour">
      <h2>Last hour</h2>
      {changes.length === 0 && <p class="empty">Nothing changed.</p>}
      <ul class="lines">
        {changes.slice(0, CHANGES_SHOWN).map(({ entry, times, tone }) => (
          <li key={entry.id}>
            <a href={entry.container_name === null ? '#/journal' : engineLink(entry.container_name)}>
              <Mark tone={tone} />
              <Clock at={entry.at} />
              <span class="what">
                {entryInWords(entry)}
                {times > 1 && ` (${times} times)`}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}
