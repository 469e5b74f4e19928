import { useContext, useRef } from 'preact/hooks'
import { EngineActs } from '../parts/engine-acts.tsx'
import { EngineCharts } from '../parts/engine-charts.tsx'
import { EngineLog } from '../parts/engine-log.tsx'
import { Entries } from '../parts/entries.tsx'
import { State } from '../parts/state-mark.tsx'
import { Ago } from '../parts/when.tsx'
import { engineState } from '../reading/engines.ts'
import { nodeOf } from '../reading/hosts.ts'
import { journalLink } from '../reading/journal.ts'
import { MISSING, shortId } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { streamLink } from '../state/route.ts'

const ENTRIES_SHOWN = 20

/** One engine: how it is and why, what plays on it, where it is, and what happened to it. */
export function EnginePage({ name }: { readonly name: string }) {
  const { fleet } = useContext(PanelContext)
  const known = fleet.engines.ids.value.includes(name)
  const engine = known ? fleet.engines.row(name)?.value : undefined
  const entries = fleet.journal.value.filter((entry) => entry.container_name === name).slice(0, ENTRIES_SHOWN)
  return (
    <>
      <p class="back">
        <a href="#/overview">Overview</a>
      </p>
      <section class="card" aria-label="Engine">
        <h2>
          {name}{' '}
          {engine === undefined ? (
            <State tone="unknown" word="is not there any more" />
          ) : (
            <State {...engineState(engine)} />
          )}
        </h2>
        {engine !== undefined && (
          <dl class="facts">
            <dt>Listed for proxies</dt>
            <dd>{engine.listed ? 'yes' : `no: ${engine.reason ?? 'not known why'}`}</dd>
            <dt>Address</dt>
            <dd class="mono">
              {engine.host}:{engine.port}
            </dd>
            {nodeOf(engine) !== null && (
              <>
                <dt>Node</dt>
                <dd>{nodeOf(engine)}</dd>
              </>
            )}
            <dt>VPN</dt>
            <dd>{engine.vpn_container ?? 'none'}</dd>
            <dt>Forwarded port</dt>
            <dd>{engine.forwarded ? 'yes' : 'no'}</dd>
            <dt>Started</dt>
            <dd>
              <Ago at={engine.first_seen} />
            </dd>
            <dt>Last answer</dt>
            <dd>
              <Ago at={engine.last_seen} />
            </dd>
            <dt>Last used</dt>
            <dd>{engine.last_stream_usage === null ? MISSING : <Ago at={engine.last_stream_usage} />}</dd>
            <dt>Streams</dt>
            <dd>
              {engine.streams.length === 0 && 'none'}
              {engine.streams.map((id) => (
                <a key={id} class="mono" href={streamLink(id)}>
                  {shortId(id)}
                </a>
              ))}
            </dd>
            <dt>Container</dt>
            <dd class="mono" title={engine.container_id ?? ''}>
              {engine.container_id?.slice(0, 12) ?? MISSING}
            </dd>
          </dl>
        )}
        <EngineActs key={name} name={name} />
      </section>
      {engine !== undefined && <EngineCharts key={name} engine={engine} />}
      <section class="card" aria-label="What happened">
        <h2>What happened</h2>
        <Entries entries={entries} />
        <p class="more">
          <a href={journalLink({ engine: name })}>All entries</a>
        </p>
      </section>
      <LastLog key={name} container={engine?.container_id ?? null} />
    </>
  )
}

/** The log of the last container that the engine had: what it wrote is wanted most when it is gone. */
function LastLog({ container }: { readonly container: string | null }) {
  const last = useRef<string | null>(null)
  last.current = container ?? last.current
  if (last.current === null) return null
  return <EngineLog key={last.current} container={last.current} />
}
