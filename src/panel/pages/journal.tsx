import type { ReadonlySignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useContext, useId } from 'preact/hooks'
import { EntryLines } from '../parts/entry-line.tsx'
import { JournalFilters } from '../parts/journal-filters.tsx'
import { NoEntries } from '../parts/no-entries.tsx'
import { Mark } from '../parts/state-mark.tsx'
import { useHold, useJournalList } from '../parts/use-journal.ts'
import { useSame } from '../parts/use-same.ts'
import { filterOf, type JournalFilter } from '../reading/journal.ts'
import { count } from '../reading/words.ts'
import type { Hold } from '../state/hold.ts'
import type { JournalPages } from '../state/journal-pages.ts'
import { PanelContext } from '../state/panel.ts'

/** Everything that happened, newest first, with filters that are in the address. It can be held still to read it. */
export function Journal() {
  const { route } = useContext(PanelContext)
  const filter = useSame(() => filterOf(route.value.query))
  const { hold, top } = useHold()
  const isPaused = hold.isPaused.value
  return (
    <section class="card journal" aria-label="Journal">
      <h2>Journal</h2>
      <JournalFilters filter={filter.value} />
      <button type="button" class="pause" onClick={() => hold.pause(!isPaused)}>
        {isPaused ? 'Resume' : 'Pause'}
      </button>
      <div class="list">
        <div ref={top} />
        {/* Words are not for the server, so another text needs no other list. */}
        <List key={JSON.stringify({ ...filter.value, find: null })} {...{ filter, hold, top }} />
      </div>
    </section>
  )
}

function List({
  filter,
  hold,
  top,
}: {
  readonly filter: ReadonlySignal<JournalFilter>
  readonly hold: Hold
  readonly top: RefObject<HTMLElement | null>
}) {
  const { pages, lines, held } = useJournalList(filter, hold)
  const id = useId()
  const show = (): void => {
    hold.show()
    // The new lines are drawn first. Otherwise the browser keeps those in sight that are there now.
    requestAnimationFrame(() => {
      top.current?.scrollIntoView()
      document.getElementById(id)?.focus({ preventScroll: true })
    })
  }
  return (
    <>
      <News isPaused={hold.isPaused.value} held={held.value} onShow={show} />
      {lines.value.length === 0 && <NoEntries filter={filter.value} pages={pages} />}
      {/* It takes the focus when the button that shows more is gone. */}
      <ol class="entries" id={id} tabIndex={-1}>
        <EntryLines lines={lines.value} />
      </ol>
      <Older pages={pages} isSearch={filter.value.find !== null} />
    </>
  )
}

/** Tells how much is held back. While the reader is away it floats, so that its coming moves nothing. */
function News({
  isPaused,
  held,
  onShow,
}: {
  readonly isPaused: boolean
  readonly held: number
  readonly onShow: () => void
}) {
  if (!isPaused && held === 0) return null
  return (
    <div class={isPaused ? 'news' : 'news floating'}>
      {held === 0 ? (
        'Paused. Nothing new.'
      ) : (
        <button type="button" onClick={onShow}>
          {held} new: show
        </button>
      )}
    </div>
  )
}

/** Asks for what happened before. The server searches no words, so a search goes on page by page. */
function Older({ pages, isSearch }: { readonly pages: JournalPages; readonly isSearch: boolean }) {
  const failure = pages.failure.value
  const known = pages.entries.value.length
  if (pages.next.value === undefined && failure === null) return null
  const isAll = pages.next.value === null && failure === null
  const words = failure !== null ? 'Try again' : isSearch ? 'Search further back' : 'Show older'
  return (
    <div class="older">
      {failure !== null && (
        <p class="outcome failed" role="alert">
          <Mark tone="bad" />
          <span>Not all of the journal is here: {failure}.</span>
        </p>
      )}
      {!isAll && <OlderButton pages={pages} words={words} />}
      {isAll && known > 0 && <p class="more">That is all.</p>}
      {isSearch && <p class="more">Searched: {count(known, 'entry', 'entries')}.</p>}
    </div>
  )
}

function OlderButton({ pages, words }: { readonly pages: JournalPages; readonly words: string }) {
  const isAsking = pages.isAsking.value
  const ask = (): void => {
    if (!isAsking) void pages.older()
  }
  return (
    <button type="button" aria-disabled={isAsking} onClick={ask}>
      {isAsking ? 'Asking the server' : words}
    </button>
  )
}
