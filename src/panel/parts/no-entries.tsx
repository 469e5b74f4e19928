import { useContext } from 'preact/hooks'
import { isWanted, type JournalFilter, journalLink, setOf } from '../reading/journal.ts'
import { count } from '../reading/words.ts'
import type { JournalPages } from '../state/journal-pages.ts'
import { PanelContext } from '../state/panel.ts'

/** Says why no entry is shown, and which filter to clear: with how many entries this page knows of without it. */
export function NoEntries({
  filter,
  pages,
}: {
  readonly filter: JournalFilter
  readonly pages: JournalPages
}) {
  const { fleet, now } = useContext(PanelContext)
  const nowMs = now.peek()
  if (pages.next.value === undefined)
    return pages.failure.value === null ? <p class="empty">Asking the server.</p> : null
  const set = setOf(filter, nowMs)
  if (set.length === 0) return <p class="empty">Nothing has happened yet.</p>
  return (
    <div class="empty">
      <p>No entry matches {set.length === 1 ? 'this filter' : 'all of these filters'}.</p>
      <ul>
        {set.map(({ words, without }) => {
          const left = fleet.journal.value.filter((entry) => isWanted(without, entry, nowMs)).length
          return (
            <li key={words}>
              <a href={journalLink(without)}>Clear {words}</a>
              {left > 0 && ` to see ${count(left, 'entry', 'entries')}`}
            </li>
          )
        })}
      </ul>
    </div>
  )
}
