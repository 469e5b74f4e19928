import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals'
import { useContext } from 'preact/hooks'
import { cellsOf } from '../reading/engine-list.ts'
import { cpuWords, memoryWords, type Use, useOf } from '../reading/usage.ts'
import { MISSING } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { engineLink } from '../state/route.ts'
import { State } from './state-mark.tsx'
import { useSame } from './use-same.ts'
import { Age } from './when.tsx'

/** What engines use, by their containers. */
type Uses = ReadonlySignal<ReadonlyMap<string, Use>>

/** One engine. Most of what the feed tells of it, such as its last answer, changes nothing here. */
export function EngineRow({ id, uses }: { readonly id: string; readonly uses: Uses }) {
  const { fleet } = useContext(PanelContext)
  const cells = useSame(() => {
    const engine = fleet.engines.row(id)?.value
    return engine === undefined ? null : cellsOf(engine)
  })
  if (cells.value === null) return null
  const { tone, word, listed, vpn, address, since, container } = cells.value
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
      <td data-name="CPU" class="number">
        <Used container={container} uses={uses} words={({ cores }) => cpuWords(cores)} />
      </td>
      <td data-name="Memory" class="number">
        <Used container={container} uses={uses} words={({ bytes }) => memoryWords(bytes)} />
      </td>
      <td data-name="Age" class="number">
        <Age at={since} />
      </td>
    </tr>
  )
}

/** What an engine uses. Only this text changes with each answer, and nothing else is drawn. */
function Used({
  container,
  uses,
  words,
}: {
  readonly container: string | null
  readonly uses: Uses
  readonly words: (use: Use) => string
}) {
  const given = useSignal(container)
  given.value = container
  const text = useComputed(() => words(useOf(uses.value, given.value)))
  return <>{text}</>
}
