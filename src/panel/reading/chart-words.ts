import { BAND_WORDS, type Band } from './bands.ts'
import { count, duration, MISSING } from './words.ts'

/** A line of a chart. */
export interface Line<P> {
  readonly name: string
  readonly figureOf: (point: P) => number | null
  readonly words: (value: number | null) => string
}

/** What a chart shows, as a sentence for those who can't see it: the last, the lowest and the highest of each line. */
export function summaryOf<P>(
  title: string,
  lines: readonly Line<P>[],
  points: readonly P[],
  bands: readonly Band[],
  nowMs: number,
): string {
  if (points.length === 0) return `${title}: no figures.`
  const said = lines.map(({ name, figureOf, words }) => {
    const known = points.flatMap((point) => figureOf(point) ?? [])
    const last = points.at(-1)
    if (last === undefined || known.length === 0) return `${name} is not known.`
    const [low, high] = [Math.min(...known), Math.max(...known)].map(words)
    return `${name}: last ${inWords(figureOf(last), words)}, lowest ${low}, highest ${high}.`
  })
  return [`${title}.`, ...said, ...bandWords(bands, nowMs)].join(' ')
}

/** What a chart shows at one time. */
export const valuesAt = <P extends { readonly atMs: number }>(
  lines: readonly Line<P>[],
  point: P | undefined,
): string =>
  point === undefined
    ? 'no figures'
    : `${new Date(point.atMs).toLocaleTimeString('en-GB')}: ${lines
        .map(({ name, figureOf, words }) => `${name} ${inWords(figureOf(point), words)}`)
        .join(', ')}`

/** Screen readers say nothing for a dash. */
const inWords = (value: number | null, words: (value: number | null) => string): string =>
  value === null || words(value) === MISSING ? 'not known' : words(value)

const bandWords = (bands: readonly Band[], nowMs: number): readonly string[] =>
  [...Map.groupBy(bands, ({ kind }) => kind)].map(([kind, each]) => {
    const total = each.reduce((ms, { fromMs, toMs }) => ms + (toMs ?? nowMs) - fromMs, 0)
    return `${BAND_WORDS[kind]} ${count(each.length, 'time')}, ${duration(total)} in all.`
  })
