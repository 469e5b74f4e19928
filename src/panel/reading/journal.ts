import type { JournalEntry } from '../api/types.ts'
import { entryInWords, toneOf } from './changes.ts'
import type { Tone } from './verdict.ts'
import { clockText, dayOf, shortId } from './words.ts'

/** Which entries of the journal are wanted, as the address has it. Null, or a text without letters, leaves all. */
export interface JournalFilter {
  /** A kind like `stream.started`, or a group of kinds like `stream`. */
  readonly kind: string | null
  readonly engine: string | null
  readonly stream: string | null
  /** A time back from now like `6h`, or an ISO 8601 time. */
  readonly since: string | null
  /** Words that all have to be there, in any order. */
  readonly find: string | null
}

const NAMES = ['kind', 'engine', 'stream', 'since', 'find'] as const

export const filterOf = (query: URLSearchParams): JournalFilter => ({
  kind: query.get('kind') || null,
  engine: query.get('engine') || null,
  stream: query.get('stream') || null,
  since: query.get('since') || null,
  find: query.get('find') || null,
})

/** The journal, with what it is filtered by. */
export function journalLink({ kind, engine, stream, since, find }: Partial<JournalFilter>): string {
  const query = new URLSearchParams()
  for (const [name, text] of Object.entries({ kind, engine, stream, since, find }))
    if (text) query.set(name, text)
  return query.size === 0 ? '#/journal' : `#/journal?${query}`
}

/** The times that are offered. */
export const SINCE_WORDS: readonly (readonly [string, string])[] = [
  ['1h', 'last hour'],
  ['6h', 'last 6 hours'],
  ['24h', 'last 24 hours'],
  ['7d', 'last 7 days'],
]

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** From when on entries are wanted; null for all, or if the text is no time. */
function sinceMsOf(since: string | null, nowMs: number): number | null {
  const [, number, unit = ''] = /^(\d{1,4})([mhd])$/.exec(since ?? '') ?? []
  if (number !== undefined) return nowMs - Number(number) * (UNITS_MS[unit] ?? 0)
  const ms = Date.parse(since ?? '')
  return Number.isNaN(ms) ? null : ms
}

/** What the server is asked for. It searches no words. */
export function askedOf({ kind, engine, stream, since }: JournalFilter, nowMs: number): URLSearchParams {
  const sinceMs = sinceMsOf(since, nowMs)
  return new URLSearchParams({
    ...(kind === null ? {} : { kind }),
    ...(engine === null ? {} : { engine }),
    ...(stream === null ? {} : { stream }),
    ...(sinceMs === null ? {} : { since: new Date(sinceMs).toISOString() }),
  })
}

/** Whether the server would name this entry, whatever its time. */
export const isAsked = ({ kind, engine, stream }: JournalFilter, entry: JournalEntry): boolean =>
  (kind === null || entry.kind === kind || entry.kind.startsWith(`${kind}.`)) &&
  (engine === null || isOf(engine, entry)) &&
  (stream === null || entry.stream_id === stream)

/** As the server reads the name of an engine: 12 characters of a container's id are enough. */
const isOf = (engine: string, { container_name, engine_id, container_id }: JournalEntry): boolean =>
  container_name === engine ||
  engine_id === engine ||
  (engine.length >= 12 && (container_id?.startsWith(engine) ?? false))

/** Whether an entry is wanted at this time. */
export function isWanted(filter: JournalFilter, entry: JournalEntry, nowMs: number): boolean {
  const sinceMs = sinceMsOf(filter.since, nowMs)
  const isInTime = sinceMs === null || Date.parse(entry.at) >= sinceMs
  return isInTime && isAsked(filter, entry) && hasWords(filter.find, entry)
}

function hasWords(find: string | null, entry: JournalEntry): boolean {
  const wanted = (find ?? '').toLowerCase().split(/\s+/)
  const text = [entryInWords(entry), entry.kind, entry.stream_id, entry.container_id].join(' ').toLowerCase()
  return wanted.every((word) => text.includes(word))
}

/** A filter that is set, in words, and what is left of the filters without it. */
export interface SetFilter {
  readonly words: string
  readonly without: JournalFilter
}

export const setOf = (filter: JournalFilter, nowMs: number): readonly SetFilter[] =>
  NAMES.flatMap((name) => {
    const text = filter[name]
    return text === null ? [] : [{ words: inWords(name, text, nowMs), without: { ...filter, [name]: null } }]
  })

function inWords(name: (typeof NAMES)[number], text: string, nowMs: number): string {
  if (name === 'find') return `“${text}”`
  if (name === 'since') return sinceInWords(text, nowMs)
  return `${name} ${name === 'stream' ? shortId(text) : text}`
}

/** What a text of the address means as a time. */
export function sinceInWords(since: string, nowMs: number): string {
  const known = SINCE_WORDS.find(([text]) => text === since)?.[1]
  const ms = sinceMsOf(since, nowMs)
  return known ?? (ms === null ? 'any time' : `since ${clockText(ms, dayOf(nowMs))}`)
}

/** Equal entries in a row, as one line. */
export interface JournalLine {
  /** The newest of them. */
  readonly entry: JournalEntry
  readonly times: number
  /** The oldest of them. It stays the same while more come, so the line keeps its place and its focus. */
  readonly first: JournalEntry
  readonly tone: Tone | null
}

/** Folds entries, newest first, that say the same of the same. */
export function folded(entries: readonly JournalEntry[]): readonly JournalLine[] {
  const lines: JournalLine[] = []
  for (const entry of entries) {
    const last = lines.at(-1)
    if (last !== undefined && isSame(last.entry, entry))
      lines[lines.length - 1] = { ...last, times: last.times + 1, first: entry }
    else lines.push({ entry, times: 1, first: entry, tone: toneOf(entry) })
  }
  return lines
}

const isSame = (one: JournalEntry, other: JournalEntry): boolean =>
  one.kind === other.kind &&
  one.stream_id === other.stream_id &&
  one.engine_id === other.engine_id &&
  entryInWords(one) === entryInWords(other)
