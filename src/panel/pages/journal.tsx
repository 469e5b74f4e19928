import { useContext } from 'preact/hooks'
import { Clock } from '../parts/when.tsx'
import { entryInWords } from '../reading/changes.ts'
import { PanelContext } from '../state/panel.ts'
import { engineLink } from '../state/route.ts'

const GROUPS = [
  'all',
  'engine',
  'stream',
  'provision',
  'vpn',
  'breaker',
  'image',
  'fleet',
  'storage',
] as const

/** Everything that happened, newest first, with a filter that is in the address. */
export function Journal() {
  const { fleet, route } = useContext(PanelContext)
  const kind = route.value.query.get('kind') ?? 'all'
  const engine = route.value.query.get('engine')
  const entries = fleet.journal.value.filter(
    (entry) =>
      (kind === 'all' || entry.kind.startsWith(`${kind}.`)) &&
      (engine === null || entry.container_name === engine),
  )
  return (
    <section class="card" aria-label="Journal">
      <h2>Journal</h2>
      <nav class="filters" aria-label="Kinds">
        {GROUPS.map((group) => (
          <a key={group} href={hrefOf(group, engine)} aria-current={group === kind ? 'true' : undefined}>
            {group}
          </a>
        ))}
        {engine !== null && <a href={hrefOf(kind, null)}>only {engine} ✕</a>}
      </nav>
      {fleet.missed.value > 0 && <p class="empty">{fleet.missed.value} entries did not come to this page.</p>}
      {entries.length === 0 && <p class="empty">Nothing of that kind.</p>}
      <ol class="entries">
        {entries.map((entry) => (
          <li key={entry.id}>
            <Clock at={entry.at} />
            <span class="kind mono">{entry.kind}</span>
            <span class="what">
              {entry.container_name === null ? (
                entryInWords(entry)
              ) : (
                <a href={engineLink(entry.container_name)}>{entryInWords(entry)}</a>
              )}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}

function hrefOf(kind: string, engine: string | null): string {
  const query = new URLSearchParams({
    ...(kind === 'all' ? {} : { kind }),
    ...(engine === null ? {} : { engine }),
  }).toString()
  return query === '' ? '#/journal' : `#/journal?${query}`
}
