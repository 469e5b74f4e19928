import { type KeyAct, KeyReader, type Press } from '../state/keys.ts'
import type { Panel } from '../state/panel.ts'

/** What takes letters. A slider or a tick does not, and a list of choices finds a choice by them. */
const TEXTS =
  'textarea, select, [contenteditable], input:not([type="checkbox"], [type="radio"], [type="range"], [type="button"])'
const ROWS = 'main :is(tbody tr, .lines > li, .entries > li:not(.day))'
const FIND = 'main input[type="search"]'

/** Listens to the keys of the whole page. */
export function listenToKeys({ preferences, showsTimes, isSettingsOpen }: Panel): void {
  const reader = new KeyReader()
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return
    const act = reader.read(pressOf(event), preferences.hasKeys, event.timeStamp)
    if (act !== null && done(act)) event.preventDefault()
  })

  /** Does it, and tells whether there was anything to do. The browser has the key otherwise. */
  function done(act: KeyAct): boolean {
    switch (act.act) {
      case 'find':
        return find()
      case 'found':
        // What was found is drawn first.
        requestAnimationFrame(() => move(1))
        return true
      case 'clear':
        return clear()
      case 'move':
        return move(act.by)
      case 'go':
        location.hash = `#/${act.page}`
        return true
      case 'times':
        showsTimes.value = !showsTimes.value
        return true
      case 'help':
        isSettingsOpen.value = true
        return true
      default:
        return act satisfies never
    }
  }
}

function pressOf({ key, ctrlKey, altKey, metaKey, repeat, target }: KeyboardEvent): Press {
  return {
    key,
    isChord: ctrlKey || altKey || metaKey,
    isRepeated: repeat,
    place: placeOf(target),
  }
}

function placeOf(target: EventTarget | null): Press['place'] {
  if (document.querySelector('dialog[open]') !== null) return 'dialog'
  if (!(target instanceof Element)) return 'page'
  if (target.matches(FIND)) return 'search'
  return target.matches(TEXTS) ? 'text' : 'page'
}

const seen = (selector: string): readonly HTMLElement[] =>
  [...document.querySelectorAll<HTMLElement>(selector)].filter((each) => each.checkVisibility())

/** Goes to the field of the page that searches, or to the first of its filters. */
function find(): boolean {
  const field = document.querySelector<HTMLInputElement>(FIND)
  if (field === null) {
    const filter = seen('main .filters a')[0]
    filter?.focus()
    return filter !== undefined
  }
  const go = (): void => {
    field.focus()
    field.select()
  }
  if (field.checkVisibility()) go()
  else {
    unfold(field)
    // It is drawn first.
    requestAnimationFrame(go)
  }
  return true
}

/** Shows what is folded away behind a button. */
function unfold(field: HTMLElement): void {
  const id = field.closest('[id]')?.id ?? ''
  document.querySelector<HTMLElement>(`[aria-controls="${CSS.escape(id)}"]`)?.click()
}

/** Empties the field that searches; if it is empty, leaves it. */
function clear(): boolean {
  const field = document.querySelector<HTMLInputElement>(FIND)
  if (field === null) return false
  if (field.value === '') {
    if (document.activeElement === field) field.blur()
    return false
  }
  field.value = ''
  field.dispatchEvent(new Event('input', { bubbles: true }))
  return true
}

/** Puts the focus on the next row after what has it now, or on the one before: on its link, or on itself if it has none. */
function move(by: 1 | -1): boolean {
  const rows = seen(ROWS)
  const focused = document.activeElement ?? document.body
  const own = rows.findIndex((row) => row.contains(focused))
  const row = own === -1 ? nearest(rows, focused, by) : rows[own + by]
  if (row === undefined) return false
  const link = row.querySelector<HTMLElement>('th a, .what a') ?? row.querySelector<HTMLElement>('a')
  if (link === null) row.tabIndex = -1
  ;(link ?? row).focus()
  return true
}

function nearest(rows: readonly HTMLElement[], from: Element, by: 1 | -1): HTMLElement | undefined {
  const side = by === 1 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING
  const isBeyond = (row: HTMLElement): boolean => (from.compareDocumentPosition(row) & side) !== 0
  return by === 1 ? rows.find(isBeyond) : rows.findLast(isBeyond)
}
