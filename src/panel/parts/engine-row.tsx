import { useContext } from 'preact/hooks'
import { cellsOf } from '../reading/engine-list.ts'
import { MISSING } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { engineLink } from '../state/route.ts'
import { State } from './state-mark.tsx'
import { useSame } from './use-same.ts'
import { Age } from './when.tsx'

/** One engine. Most of what the feed tells of it, such as its last answer, changes nothing here. */
export function EngineRow({ id }: { readonly id: string }) {
  const { fleet } = useContext(PanelContext)
  const cells = useSame(() => {
    const engine = fleet.engines.row(id)?.value
    return engine === undefined ? null : cellsOf(engine)
  })
  if (cells.value === null) return null
  const { tone, word, listed, vpn, address, since } = cells.value
  return (
    <tr>
      <th scope="row">
        <a href={engineLink(id)}>{id}</a>
      </th>
      <td data-name="State">
        <State tone={tone} word={word} />
      </td>
      <td data-name="Listed">{listed}</td>
      <td data-name="VPN">{vpn ?? MISSING}</td>
      <td data-name="Address" class="mono">
        {address}
      </td>
      <td data-name="Age" class="number">
        <Age at={since} />
      </td>
    </tr>
  )
}
