import type { Engine } from '../api/types.ts'
import { engineState } from './engines.ts'
import { nodeOf } from './hosts.ts'
import { type Use, useOf } from './usage.ts'
import { isFree } from './verdict.ts'

/** The groups that engines can be filtered by, in the order in which they are offered. */
export const GROUPS = ['trouble', 'changing', 'busy', 'free'] as const
export type Group = (typeof GROUPS)[number]

export const GROUP_WORDS: Readonly<Record<Group, string>> = {
  trouble: 'in trouble',
  changing: 'starting or draining',
  busy: 'busy',
  free: 'free',
}

/** The group of an engine. One that a viewer is on the way to is busy. */
export function groupOf(engine: Engine): Group {
  const { tone } = engineState(engine)
  if (tone === 'bad' || tone === 'warn') return 'trouble'
  if (engine.status !== 'ready') return 'changing'
  return isFree(engine) ? 'free' : 'busy'
}

/** How the list is sorted: by a column, and whether backwards. */
export interface Sort {
  readonly column: Column
  readonly isDown: boolean
}

export const COLUMNS = ['name', 'state', 'vpn', 'cpu', 'memory', 'age'] as const
export type Column = (typeof COLUMNS)[number]

/** Those in trouble first. */
const USUAL: Sort = { column: 'state', isDown: false }

/** Reads a sort from an address, like `age`, or `-age` for backwards. */
export function sortOf(text: string | null): Sort {
  const column = COLUMNS.find((each) => each === text?.replace(/^-/, ''))
  return column === undefined ? USUAL : { column, isDown: text?.startsWith('-') ?? false }
}

/** How a sort stands in an address; null for the usual one. */
export const sortText = ({ column, isDown }: Sort): string | null =>
  column === USUAL.column && isDown === USUAL.isDown ? null : `${isDown ? '-' : ''}${column}`

/** Names end with a number: `acestream-9` comes before `acestream-10`. */
const NAMES = new Intl.Collator('en', { numeric: true })

/** What engines use, by their containers. */
type Uses = ReadonlyMap<string, Use>

const FIGURES = { cpu: 'cores', memory: 'bytes' } as const

/** Whether the list is sorted by what engines use. */
export const isByUse = (column: Column): column is keyof typeof FIGURES => column in FIGURES

const ORDERS: Readonly<Record<Exclude<Column, keyof typeof FIGURES>, (a: Engine, b: Engine) => number>> = {
  name: () => 0,
  state: (a, b) => engineState(a).rank - engineState(b).rank,
  vpn: (a, b) => NAMES.compare(a.vpn_container ?? '', b.vpn_container ?? ''),
  // The oldest was seen first; times of one form sort as texts.
  age: (a, b) => (a.first_seen < b.first_seen ? 1 : a.first_seen > b.first_seen ? -1 : 0),
}

/** The order of the list, and the free engines that are folded away. */
export interface Arrangement {
  readonly ids: readonly string[]
  readonly folded: ReadonlySet<string>
}

/** So many free engines are enough to see that there are some. */
const FREE_SHOWN = 30

/** Compares by what is used. What is not known is neither much nor little: it comes last in any case. */
function byUse(figure: 'cores' | 'bytes', uses: Uses, sign: number): (a: Engine, b: Engine) => number {
  const known = ({ container_id }: Engine): number | null => useOf(uses, container_id)[figure]
  return (a, b) => {
    const [one, other] = [known(a), known(b)]
    if (one === null || other === null) return sign * (Number(one === null) - Number(other === null))
    return one - other
  }
}

/** Sorts the list anew. */
export function arranged(
  engines: ReadonlyMap<string, Engine>,
  { column, isDown }: Sort,
  uses: Uses = new Map(),
): Arrangement {
  const sign = isDown ? -1 : 1
  const by = isByUse(column) ? byUse(FIGURES[column], uses, sign) : ORDERS[column]
  const ids = [...engines]
    .toSorted(([name, a], [other, b]) => sign * (by(a, b) || NAMES.compare(name, other)))
    .map(([id]) => id)
  const free = ids.filter((id) => isIn(engines, id, 'free'))
  return { ids, folded: new Set(free.slice(FREE_SHOWN)) }
}

/** The folded engines that are not free any more. */
export const wokenIn = ({ folded }: Arrangement, engines: ReadonlyMap<string, Engine>): readonly string[] =>
  [...folded].filter((id) => !isIn(engines, id, 'free'))

/**
 * Keeps the order. Engines that are gone leave the list, and new ones are at its end. An engine that was free no more stays
 * in sight, so that no row goes away while somebody looks at it.
 */
export function kept({ ids, folded }: Arrangement, engines: ReadonlyMap<string, Engine>): Arrangement {
  const known = new Set(ids)
  const added = [...engines.keys()].filter((id) => !known.has(id))
  const stillFree = [...folded].filter((id) => isIn(engines, id, 'free'))
  return { ids: [...ids.filter((id) => engines.has(id)), ...added], folded: new Set(stillFree) }
}

/** What of the list is shown: a group of it or all, with or without what is folded away. */
export function shownOf(
  { ids, folded }: Arrangement,
  engines: ReadonlyMap<string, Engine>,
  { group, isOpen }: { readonly group: Group | null; readonly isOpen: boolean },
): { readonly ids: readonly string[]; readonly hidden: number } {
  const meant = ids.filter((id) => engines.has(id) && (group === null || isIn(engines, id, group)))
  // One that is not free any more is shown at once.
  const isHidden = (id: string): boolean => folded.has(id) && isIn(engines, id, 'free')
  const hidden = meant.filter(isHidden).length
  return { ids: isOpen ? meant : meant.filter((id) => !isHidden(id)), hidden }
}

function isIn(engines: ReadonlyMap<string, Engine>, id: string, group: Group): boolean {
  const engine = engines.get(id)
  return engine !== undefined && groupOf(engine) === group
}

/** How many engines each group has. */
export function countsOf(engines: Iterable<Engine>): Readonly<Record<Group, number>> {
  const counts = { trouble: 0, changing: 0, busy: 0, free: 0 }
  for (const engine of engines) counts[groupOf(engine)]++
  return counts
}

/** What a row shows of an engine, apart from its age. */
export interface Cells extends Pick<ReturnType<typeof engineState>, 'tone' | 'word'> {
  readonly listed: string
  readonly vpn: string | null
  readonly address: string
  readonly since: string
  readonly container: string | null
}

export function cellsOf(engine: Engine): Cells {
  const { tone, word } = engineState(engine)
  const { forwarded, vpn_container: node, host, port } = engine
  const onNode = nodeOf(engine)
  return {
    tone,
    word,
    listed: engine.listed ? 'yes' : `no: ${engine.reason ?? 'not known why'}`,
    vpn: node === null ? null : `${node}${forwarded ? ', forwarded port' : ''}`,
    address: `${host}:${port}${onNode === null ? '' : ` (${onNode})`}`,
    since: engine.first_seen,
    container: engine.container_id,
  }
}
