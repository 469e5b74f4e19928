import { useComputed } from '@preact/signals'
import { useContext } from 'preact/hooks'
import { engineState } from '../reading/engines.ts'
import { isFree } from '../reading/verdict.ts'
import { duration, MISSING } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { engineLink } from '../state/route.ts'
import { State } from './state-mark.tsx'

/** All engines, those in trouble first. On a phone each row is a card. */
export function EngineTable() {
  const { fleet } = useContext(PanelContext)
  const order = useComputed(() =>
    fleet.engines.ids.value.toSorted(
      (a, b) => rankOf(fleet.engines.row(a)?.value) - rankOf(fleet.engines.row(b)?.value) || compare(a, b),
    ),
  )
  const free = useComputed(() => fleet.engines.all().filter(isFree).length)
  const ids = order.value
  return (
    <section class="card" aria-label="Engines">
      <h2>
        Engines <span class="count">{ids.length}</span>
        {free.value > 0 && <span class="count">{free.value} free</span>}
      </h2>
      {ids.length === 0 ? (
        <NoEngines />
      ) : (
        <table class="engines">
          <thead>
            <tr>
              <th scope="col">Engine</th>
              <th scope="col">State</th>
              <th scope="col">Listed</th>
              <th scope="col">VPN</th>
              <th scope="col">Address</th>
              <th scope="col">Age</th>
            </tr>
          </thead>
          <tbody>
            {ids.map((id) => (
              <EngineRow key={id} id={id} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

const rankOf = (engine: Parameters<typeof engineState>[0] | undefined): number =>
  engine === undefined ? 0 : engineState(engine).rank

/** Names end with a number: `acestream-9` comes before `acestream-10`. */
const compare = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })

function EngineRow({ id }: { readonly id: string }) {
  const { fleet, now } = useContext(PanelContext)
  const engine = fleet.engines.row(id)?.value
  if (engine === undefined) return null
  const { tone, word } = engineState(engine)
  const { forwarded, vpn_container: node } = engine
  return (
    <tr>
      <th scope="row">
        <a href={engineLink(id)}>{id}</a>
      </th>
      <td data-name="State">
        <State tone={tone} word={word} />
      </td>
      <td data-name="Listed">{engine.listed ? 'yes' : `no: ${engine.reason ?? 'not known why'}`}</td>
      <td data-name="VPN">{node === null ? MISSING : `${node}${forwarded ? ', forwarded port' : ''}`}</td>
      <td data-name="Address" class="mono">
        {engine.host}:{engine.port}
      </td>
      <td data-name="Age" class="number">
        {duration(now.value - Date.parse(engine.first_seen))}
      </td>
    </tr>
  )
}

function NoEngines() {
  const { api } = useContext(PanelContext)
  const command = `curl -X POST -H 'Content-Type: application/json' -d '{}' ${api.address('provision/acestream')}`
  return (
    <p class="empty">
      No engine runs. One starts when acexy asks for it, or by <code>{command}</code>
    </p>
  )
}
