import type { ComponentChildren } from 'preact'
import { useContext, useEffect, useId, useRef, useState } from 'preact/hooks'
import {
  filterOf,
  type JournalFilter,
  journalLink,
  SINCE_WORDS,
  setOf,
  sinceInWords,
} from '../reading/journal.ts'
import { KINDS } from '../reading/kinds.ts'
import { clockText, shortId } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { routeOf } from '../state/route.ts'
import { useSame } from './use-same.ts'

/** How long nobody types before the text goes into the address. */
const TYPED_MS = 300

/** By what the journal is filtered. On a phone it is folded away behind a button that tells how many filters are set. */
export function JournalFilters({ filter }: { readonly filter: JournalFilter }) {
  const { now } = useContext(PanelContext)
  const [isOpen, setIsOpen] = useState(false)
  const id = useId()
  const set = setOf(filter, now.peek()).length
  return (
    <>
      <button
        type="button"
        class="unfold"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setIsOpen(!isOpen)}
      >
        Filters {set > 0 && set}
      </button>
      <div id={id} class={isOpen ? 'fields open' : 'fields'}>
        <Kind filter={filter} />
        <Engine filter={filter} />
        <Stream filter={filter} />
        <Since filter={filter} />
        <Find find={filter.find ?? ''} />
        {set > 0 && <a href={journalLink({})}>Clear filters</a>}
      </div>
    </>
  )
}

interface ChoiceProps {
  readonly filter: JournalFilter
}

function Kind({ filter }: ChoiceProps) {
  const { kind } = filter
  const isKnown = kind === null || Object.entries(KINDS).some((each) => isIn(each, kind))
  return (
    <Choice name="Kind" all="all kinds" filter={filter} member="kind">
      {!isKnown && <option value={kind}>{kind}</option>}
      {Object.entries(KINDS).map(([name, kinds]) => (
        <optgroup key={name} label={name}>
          <option value={name}>{name}: all</option>
          {kinds.map((each) => (
            <option key={each} value={`${name}.${each}`}>
              {name}: {each.replaceAll('_', ' ')}
            </option>
          ))}
        </optgroup>
      ))}
    </Choice>
  )
}

const isIn = ([group, kinds]: readonly [string, readonly string[]], kind: string): boolean =>
  kind === group || kinds.some((each) => kind === `${group}.${each}`)

/** Names end with a number: `acestream-9` comes before `acestream-10`. */
const ORDER = new Intl.Collator('en', { numeric: true })

function Engine({ filter }: ChoiceProps) {
  const { fleet } = useContext(PanelContext)
  const names = useSame(() => {
    const past = fleet.journal.value.flatMap(({ container_name: name }) => name ?? [])
    return [...new Set([...fleet.engines.ids.value, ...past])].toSorted(ORDER.compare)
  }).value
  return (
    <Choice name="Engine" all="all engines" filter={filter} member="engine">
      {namesWith(names, filter.engine).map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </Choice>
  )
}

function Stream({ filter }: ChoiceProps) {
  const { fleet, today } = useContext(PanelContext)
  const streams = useSame(() =>
    [...fleet.streams.all(), ...fleet.ended.value].map(({ id, key, started_at }) => ({
      id,
      words: `${shortId(key)} ${clockText(Date.parse(started_at), today.value)}`,
    })),
  ).value
  const words = new Map(streams.map((stream) => [stream.id, stream.words]))
  return (
    <Choice name="Stream" all="all streams" filter={filter} member="stream">
      {namesWith([...words.keys()], filter.stream).map((id) => (
        <option key={id} value={id}>
          {words.get(id) ?? shortId(id)}
        </option>
      ))}
    </Choice>
  )
}

/** What is chosen can be seen, even if nobody knows it any more. */
const namesWith = (names: readonly string[], chosen: string | null): readonly string[] =>
  chosen === null || names.includes(chosen) ? names : [chosen, ...names]

function Since({ filter }: ChoiceProps) {
  const { now } = useContext(PanelContext)
  const { since } = filter
  const texts = SINCE_WORDS.map(([text]) => text)
  return (
    <Choice name="Since" all="any time" filter={filter} member="since">
      {namesWith(texts, since).map((text) => (
        <option key={text} value={text}>
          {sinceInWords(text, now.peek())}
        </option>
      ))}
    </Choice>
  )
}

function Choice({
  name,
  all,
  filter,
  member,
  children,
}: ChoiceProps & {
  readonly name: string
  readonly all: string
  readonly member: 'kind' | 'engine' | 'stream' | 'since'
  readonly children: ComponentChildren
}) {
  const chosen = filter[member]
  return (
    <select
      aria-label={name}
      class={chosen === null ? '' : 'chosen'}
      value={chosen ?? ''}
      onChange={({ currentTarget }) => {
        location.hash = journalLink({ ...filter, [member]: currentTarget.value })
      }}
    >
      <option value="">{all}</option>
      {children}
    </select>
  )
}

/** Searches words. They go into the address without a place in the browser's history, when nobody types for a moment. */
function Find({ find }: { readonly find: string }) {
  const { route } = useContext(PanelContext)
  const [text, setText] = useState(find)
  const written = useRef(find)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => {
    // The address lags behind the keys. Only what it did not get from here is news.
    if (find !== written.current) setText(find)
    written.current = find
  }, [find])
  useEffect(() => () => clearTimeout(timer.current), [])
  const write = (typed: string): void => {
    clearTimeout(timer.current)
    written.current = typed
    const link = journalLink({ ...filterOf(route.peek().query), find: typed })
    // The browser tells of it later, and the list should not wait for that.
    route.value = routeOf(link)
    location.replace(link)
  }
  const type = (typed: string): void => {
    setText(typed)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => write(typed), TYPED_MS)
  }
  return (
    <input
      type="search"
      aria-label="Find in the journal"
      placeholder="Find"
      aria-keyshortcuts="/"
      value={text}
      onInput={({ currentTarget }) => type(currentTarget.value)}
      onKeyDown={({ key, currentTarget }) => {
        if (key === 'Enter') write(currentTarget.value)
      }}
    />
  )
}
