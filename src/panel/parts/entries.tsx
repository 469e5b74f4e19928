import type { JournalEntry } from '../api/types.ts'
import { entryInWords } from '../reading/changes.ts'
import { Clock } from './when.tsx'

/** What happened, newest first. */
export function Entries({ entries }: { readonly entries: readonly JournalEntry[] }) {
  if (entries.length === 0) return <p class="empty">Nothing that this page knows of.</p>
  return (
    <ol class="entries">
      {entries.map((entry) => (
        <li key={entry.id}>
          <Clock at={entry.at} />
          <span class="kind mono">{entry.kind}</span>
          <span class="what">{entryInWords(entry)}</span>
        </li>
      ))}
    </ol>
  )
}
