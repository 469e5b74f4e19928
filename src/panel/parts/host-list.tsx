import { useContext } from 'preact/hooks'
import { hostAnswer } from '../reading/hosts.ts'
import { PanelContext } from '../state/panel.ts'
import { Mark } from './state-mark.tsx'

/** The nodes of a swarm; nothing on a single Docker Engine. */
export function HostList() {
  const { fleet } = useContext(PanelContext)
  const hosts = fleet.status.value?.hosts ?? []
  if (hosts.length === 0) return null
  return (
    <section class="card" aria-label="Nodes">
      <h2>Nodes</h2>
      <ul class="lines">
        {hosts.map(hostAnswer).map(({ name, tone, word, text }) => (
          <li key={name}>
            <Mark tone={tone} />
            <span class="how">{word}</span>
            <span class="what">{name}</span>
            <span class="where">{text}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
