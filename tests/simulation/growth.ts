import type { DayLook } from './day.ts'

/** How much memory may differ without counting as growth, because garbage collection and the allocator are not exact. */
const HEAP_SLACK = { share: 0.05, bytes: 4 * 2 ** 20 }
const RSS_SLACK = { share: 0.1, bytes: 20 * 2 ** 20 }

/**
 * Compares the least of the last quarter of the measurements with the least of the quarter before. What grows raises both; pages
 * that were freed and are not given back yet are also measured, and were up to 70 MB on a busy machine. Returns a sentence for
 * each kind of memory that has grown.
 */
export function growth(looks: readonly Pick<DayLook, 'heap' | 'rss'>[]): readonly string[] {
  const quarter = Math.floor(looks.length / 4)
  if (quarter === 0) return []
  const last = looks.slice(-quarter)
  const before = looks.slice(-2 * quarter, -quarter)
  return [
    ...grown(
      'the heap',
      HEAP_SLACK,
      before.map(({ heap }) => heap),
      last.map(({ heap }) => heap),
    ),
    ...grown(
      'the RSS',
      RSS_SLACK,
      before.map(({ rss }) => rss),
      last.map(({ rss }) => rss),
    ),
  ]
}

function grown(
  what: string,
  slack: { readonly share: number; readonly bytes: number },
  before: readonly number[],
  last: readonly number[],
): readonly string[] {
  const from = Math.min(...before)
  const to = Math.min(...last)
  if (to - from <= Math.max(slack.bytes, slack.share * from)) return []
  const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
  return [`${what} has grown: ${megabytes(from)} MB, and ${megabytes(to)} MB in the last quarter`]
}
