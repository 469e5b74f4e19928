import type { Link } from '../api/feed.ts'
import { duration, timeText } from './words.ts'

/** How long the feed may be away before a banner says so. */
const BANNER_MS = 5_000
/** The page asks every 5 s meanwhile; an answer older than this is not the newest any more. */
const ASKED_MS = 12_000

/** Whether answers come by asking, while the feed does not. */
const isAsked = (link: Link, nowMs: number): boolean =>
  link.state === 'lost' &&
  link.asOfMs !== null &&
  link.asOfMs > link.sinceMs &&
  nowMs - link.asOfMs < ASKED_MS

/** Whether what is shown may be old. */
export const isOld = (link: Link, nowMs: number): boolean => link.state === 'lost' && !isAsked(link, nowMs)

/** What a feed that is lost for some time means; null as long as there is nothing to say. */
export function lostWords(
  link: Link,
  nowMs: number,
): { readonly tone: 'warn' | 'bad'; readonly words: string } | null {
  if (link.state !== 'lost' || nowMs - link.sinceMs < BANNER_MS) return null
  const why = link.why.replace(/\.$/, '')
  if (link.asOfMs === null) return { tone: 'bad', words: `No answer yet: ${why}.` }
  const asOf = `as of ${timeText(link.asOfMs)}`
  if (isAsked(link, nowMs))
    return { tone: 'warn', words: `Not live: ${why}. The server is asked every 5 s instead; ${asOf}.` }
  const ago = duration(nowMs - link.asOfMs)
  return { tone: 'bad', words: `Not live: ${why}. What is shown is ${asOf}, ${ago} ago.` }
}
