import { type ReadonlySignal, useComputed, useSignalEffect } from '@preact/signals'
import type { RefObject } from 'preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import {
  askedOf,
  folded,
  isAsked,
  isWanted,
  type JournalFilter,
  type JournalLine,
} from '../reading/journal.ts'
import { Hold } from '../state/hold.ts'
import { JournalPages } from '../state/journal-pages.ts'
import { PanelContext } from '../state/panel.ts'

const MINUTE_MS = 60_000

/** What a list of the journal shows. */
export interface JournalList {
  readonly pages: JournalPages
  readonly lines: ReadonlySignal<readonly JournalLine[]>
  /** How many wanted entries are held back. */
  readonly held: ReadonlySignal<number>
}

/** Follows what this filter asks the server for, as long as the component is there. Only its words may change meanwhile. */
export function useJournalList(filter: ReadonlySignal<JournalFilter>, hold: Hold): JournalList {
  const { api, fleet, now } = useContext(PanelContext)
  const [pages] = useState(() => {
    const asked = filter.peek()
    return new JournalPages({
      api,
      asked: askedOf(asked, now.peek()),
      isMeant: (entry) => isAsked(asked, entry),
    })
  })
  useEffect(() => () => pages.end(), [pages])
  // The order counts: a gap has to be noticed before what came after it.
  useSignalEffect(() => {
    fleet.joins.value
    fleet.missed.value
    void pages.load()
  })
  useSignalEffect(() => pages.take(fleet.journal.value))
  useSignalEffect(() => hold.note(pages.entries.value[0]?.id ?? 0))
  useSignalEffect(() => {
    if (hold.upTo.value === null && pages.entries.value.length > 0) pages.trim()
  })
  // Entries leave a time back from now as it goes on, but nobody looks for that each second.
  const minuteMs = useComputed(() => Math.floor(now.value / MINUTE_MS) * MINUTE_MS)
  const wanted = useComputed(() =>
    pages.entries.value.filter((entry) => isWanted(filter.value, entry, minuteMs.value)),
  )
  const lines = useComputed(() => folded(wanted.value.filter(({ id }) => id <= lastOf(hold))))
  const held = useComputed(() => wanted.value.filter(({ id }) => id > lastOf(hold)).length)
  return { pages, lines, held }
}

const lastOf = ({ upTo }: Hold): number => upTo.value ?? Number.POSITIVE_INFINITY

/** Something that holds the journal still. `top` has to be where the list begins: a reader who can't see it is away. */
export function useHold(): { readonly hold: Hold; readonly top: RefObject<HTMLDivElement | null> } {
  const { fleet } = useContext(PanelContext)
  const [hold] = useState(() => new Hold())
  useSignalEffect(() => hold.note(fleet.journal.value[0]?.id ?? 0))
  const top = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const looks = new IntersectionObserver((seen) => {
      const last = seen.at(-1)
      if (last !== undefined) hold.goAway(!last.isIntersecting && last.boundingClientRect.top < 0)
    })
    if (top.current !== null) looks.observe(top.current)
    return () => looks.disconnect()
  }, [hold])
  return { hold, top }
}
