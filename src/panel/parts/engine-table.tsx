import { useContext, useRef } from 'preact/hooks'
import {
  COLUMNS,
  type Column,
  GROUP_WORDS,
  GROUPS,
  type Group,
  type Sort,
  sortOf,
  sortText,
} from '../reading/engine-list.ts'
import { count } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { overviewLink } from '../state/route.ts'
import { EngineRow } from './engine-row.tsx'
import { type EngineList, useEngineList } from './use-engine-list.ts'
import { useUses } from './use-uses.ts'

/** The columns, and by what they are sorted. */
const HEADS: readonly { readonly name: string; readonly column: Column | null }[] = [
  { name: 'Engine', column: 'name' },
  { name: 'State', column: 'state' },
  { name: 'Listed', column: null },
  { name: 'VPN', column: 'vpn' },
  { name: 'Address', column: null },
  { name: 'CPU', column: 'cpu' },
  { name: 'Memory', column: 'memory' },
  { name: 'Age', column: 'age' },
]
const NUMBERS: readonly Column[] = ['cpu', 'memory', 'age']

/** The engines, those in trouble first, with those that are free and idle folded away if there are many. On a phone each row is a card. */
export function EngineTable() {
  const { fleet } = useContext(PanelContext)
  const body = useRef<HTMLTableSectionElement>(null)
  const uses = useUses()
  const list = useEngineList(body, uses)
  const total = fleet.engines.ids.value.length
  const { ids } = list.shown.value
  return (
    <section class="card" aria-label="Engines">
      <h2>
        Engines <span class="count">{total}</span>
      </h2>
      {total === 0 ? (
        <NoEngines />
      ) : (
        <>
          <Filters list={list} total={total} />
          <table class="engines">
            <Head sort={list.sort.value} group={list.group.value} />
            <tbody ref={body}>
              {ids.map((id) => (
                <EngineRow key={id} id={id} uses={uses} />
              ))}
            </tbody>
          </table>
          {ids.length === 0 && <p class="empty">None now.</p>}
          <Fold list={list} />
        </>
      )}
    </section>
  )
}

/** Filters by state, with how many engines there are of each; and the sort, for a phone, which has no heads of columns. */
function Filters({ list, total }: { readonly list: EngineList; readonly total: number }) {
  const group = list.group.value
  const counts = list.counts.value
  const sort = sortText(list.sort.value)
  return (
    <div class="engine-filters">
      <nav class="filters" aria-label="States">
        <a href={overviewLink({ state: null, sort })} aria-current={group === null ? 'true' : undefined}>
          all {total}
        </a>
        {GROUPS.filter((each) => counts[each] > 0 || each === group).map((each) => (
          <a
            key={each}
            href={overviewLink({ state: each, sort })}
            aria-current={group === each ? 'true' : undefined}
          >
            {GROUP_WORDS[each]} {counts[each]}
          </a>
        ))}
      </nav>
      <label class="sort">
        Sort by{' '}
        <select
          value={sort ?? 'state'}
          onChange={({ currentTarget }) => sortBy(sortOf(currentTarget.value), group)}
        >
          {COLUMNS.flatMap((column) => [
            <option key={column} value={column}>
              {column}
            </option>,
            <option key={`-${column}`} value={`-${column}`}>
              {column}, backwards
            </option>,
          ])}
        </select>
      </label>
    </div>
  )
}

function Head({ sort, group }: { readonly sort: Sort; readonly group: Group | null }) {
  return (
    <thead>
      <tr>
        {HEADS.map(({ name, column }) =>
          column === null ? (
            <th key={name} scope="col">
              {name}
            </th>
          ) : (
            <th
              key={name}
              scope="col"
              class={NUMBERS.includes(column) ? 'number' : ''}
              aria-sort={ariaOf(sort, column)}
            >
              <button
                type="button"
                onClick={() => sortBy({ column, isDown: sort.column === column && !sort.isDown }, group)}
              >
                {name}
                <span aria-hidden="true">{sort.column === column ? (sort.isDown ? ' ↓' : ' ↑') : ''}</span>
              </button>
            </th>
          ),
        )}
      </tr>
    </thead>
  )
}

const ariaOf = ({ column, isDown }: Sort, own: Column): 'ascending' | 'descending' | 'none' =>
  column !== own ? 'none' : isDown ? 'descending' : 'ascending'

/** Goes to another sort without a place in the browser's history: it is no other page. */
const sortBy = (sort: Sort, state: Group | null): void =>
  location.replace(overviewLink({ state, sort: sortText(sort) }))

function Fold({ list }: { readonly list: EngineList }) {
  const { hidden } = list.shown.value
  const isOpen = list.isOpen.value
  if (hidden === 0) return null
  return (
    <button
      type="button"
      class="quiet fold"
      aria-expanded={isOpen}
      onClick={() => {
        list.isOpen.value = !isOpen
      }}
    >
      {isOpen ? 'Show fewer free engines' : `Show ${count(hidden, 'more free engine')}`}
    </button>
  )
}

function NoEngines() {
  const { api } = useContext(PanelContext)
  const command = `curl -X POST -H 'Content-Type: application/json' -d '{}' ${api.address('provision/acestream')}`
  return (
    <p class="empty">
      No engine runs. One starts when acexy asks for it, or by <code>{command}</code>
    </p>
  )
}
