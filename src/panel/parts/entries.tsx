import type { JournalEntry } from '../api/types.ts'
import { folded } from '../reading/journal.ts'
import { EntryLines } from './entry-line.tsx'

/** What happened, newest first. */
export function Entries({ entries }: { readonly entries: readonly JournalEntry[] }) {
  if (entries.length === 0) return <p class="empty">Nothing that this page knows of.</p>
  return (
    <ol class="entries">
      <EntryLines lines={folded(entries)} />
    </ol>
  )
}
