import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import type { RefObject } from 'preact'
import { useContext, useRef } from 'preact/hooks'
import type { Engine } from '../api/types.ts'
import {
  type Arrangement,
  arranged,
  countsOf,
  GROUPS,
  type Group,
  isByUse,
  kept,
  type Sort,
  shownOf,
  sortOf,
  sortText,
  wokenIn,
} from '../reading/engine-list.ts'
import type { Use } from '../reading/usage.ts'
import { PanelContext } from '../state/panel.ts'
import { useSame } from './use-same.ts'

/** Figures change the order all the time; rows that move all the time can't be read. */
const SORT_MS = 10_000

/** What the list of the engines shows. The filter and the sort are in the address. */
export interface EngineList {
  readonly shown: ReadonlySignal<ReturnType<typeof shownOf>>
  readonly counts: ReadonlySignal<ReturnType<typeof countsOf>>
  readonly group: ReadonlySignal<Group | null>
  readonly sort: ReadonlySignal<Sort>
  readonly isOpen: { value: boolean }
}

/** `body` is the part of the table that moves when it is sorted. */
export function useEngineList(
  body: RefObject<HTMLElement | null>,
  uses: ReadonlySignal<ReadonlyMap<string, Use>>,
): EngineList {
  const { fleet, now, route } = useContext(PanelContext)
  const isOpen = useSignal(false)
  const arrangement = useSignal<Arrangement>({ ids: [], folded: new Set() })
  const sortedMs = useRef(Number.NEGATIVE_INFINITY)
  const sortedBy = useRef('')
  const group = useComputed(() => GROUPS.find((each) => each === route.value.query.get('state')) ?? null)
  const sortWord = useComputed(() => route.value.query.get('sort'))
  const sort = useComputed(() => sortOf(sortWord.value))
  // Figures come later than the engines: the first ones are as good as another sort.
  const sortKey = useComputed(
    () => `${sortText(sort.value)} ${isByUse(sort.value.column) && uses.value.size > 0}`,
  )
  const engines = useComputed(
    () => new Map(fleet.engines.ids.value.flatMap((id) => pairOf(id, fleet.engines.row(id)?.value))),
  )

  // Sorts when it is time for it. That engines change is no reason, so they are read without listening to them.
  useSignalEffect(() => {
    const nowMs = now.value
    const isAsked = sortedBy.current !== sortKey.value
    const isTime = nowMs - sortedMs.current >= SORT_MS && !isHeld(body.current)
    if (!isAsked && !isTime) return
    arrangement.value = arranged(engines.peek(), sort.value, uses.peek())
    sortedMs.current = nowMs
    sortedBy.current = sortKey.value
  })
  useSignalEffect(() => {
    const ids = fleet.engines.ids.value
    const { ids: known } = arrangement.peek()
    // The first engines, and those that come while nobody looks closely, are put where they belong.
    const isNew = new Set([...known, ...ids]).size > known.length
    if (isNew && !isHeld(body.current)) arrangement.value = arranged(engines.peek(), sort.peek(), uses.peek())
    else arrangement.value = kept(arrangement.peek(), engines.peek())
  })

  const woken = useSame(() => wokenIn(arrangement.value, engines.value))
  useSignalEffect(() => {
    if (woken.value.length > 0) arrangement.value = kept(arrangement.peek(), engines.peek())
  })

  const shown = useSame(() =>
    shownOf(arrangement.value, engines.value, { group: group.value, isOpen: isOpen.value }),
  )
  const counts = useSame(() => countsOf(engines.value.values()))
  return { shown, counts, group, sort, isOpen }
}

const pairOf = (id: string, engine: Engine | undefined): readonly (readonly [string, Engine])[] =>
  engine === undefined ? [] : [[id, engine]]

/** Whether somebody points into an element, works in it or has marked a part of it. Nothing may move there then. */
function isHeld(element: HTMLElement | null): boolean {
  if (element === null) return false
  // A finger that was lifted points at nothing, though it leaves `:hover` behind.
  const isPointedAt = matchMedia('(hover: hover)').matches && element.matches(':hover')
  const selection = getSelection()
  const isMarked = selection !== null && !selection.isCollapsed && selection.containsNode(element, true)
  return isPointedAt || isMarked || element.contains(document.activeElement)
}
