import { createHash } from 'node:crypto'

/** How a content behaves when it is asked for. */
export type ContentBehaviour =
  | 'plays'
  /** Never loads. */
  | 'dead'
  /** Loads, and then nobody has it: no peers, no bytes. */
  | 'no_peers'
  /** Loads and finds peers that send nothing. */
  | 'no_data'
  /** Has several media files. */
  | 'several_files'
  /** Is asked for and never answered. */
  | 'hang'

/** All behaviours, for whoever has to check one. */
export const CONTENT_BEHAVIOURS = [
  'plays',
  'dead',
  'no_peers',
  'no_data',
  'several_files',
  'hang',
] as const satisfies readonly ContentBehaviour[]

/** Ids that begin so behave so without anything being set; all others play. */
const BUILT_IN_PREFIXES: Readonly<Record<string, ContentBehaviour>> = {
  dead: 'dead',
  '0000': 'no_peers',
  '0bad': 'no_data',
  f11e: 'several_files',
}

/** A content as it was asked for. */
export interface ContentRequest {
  readonly selector: 'content_id' | 'infohash' | 'url' | 'magnet'
  /** As it stood in the request. */
  readonly value: string
  /** 40 hex digits, or null when the value cannot be one. */
  readonly infohash: string | null
}

const SHA1_HEX = /^[0-9a-f]{40}$/

/**
 * The content that a query names, or null when it names none. With several selectors the first of `content_id` (or
 * `id`), `infohash`, `url`, `magnet` counts.
 */
export function requestedContent(query: URLSearchParams): ContentRequest | null {
  const id = query.get('content_id') ?? query.get('id')
  if (id !== null) return { selector: 'content_id', value: id, infohash: infohashOf(id.toLowerCase()) }
  const infohash = query.get('infohash')
  if (infohash !== null) {
    const hex = infohash.toLowerCase()
    return { selector: 'infohash', value: infohash, infohash: SHA1_HEX.test(hex) ? hex : null }
  }
  const url = query.get('url')
  if (url !== null) return { selector: 'url', value: url, infohash: sha1(url) }
  const magnet = query.get('magnet')
  if (magnet === null) return null
  return {
    selector: 'magnet',
    value: magnet,
    infohash: /btih:([0-9a-f]{40})/i.exec(magnet)?.[1]?.toLowerCase() ?? null,
  }
}

/**
 * The infohash of a content id: another number, always the same for the same id. Its first four digits stay, so that
 * a behaviour by prefix holds for a content whichever way it is asked for.
 */
export function infohashOf(contentId: string): string | null {
  return SHA1_HEX.test(contentId) ? contentId.slice(0, 4) + sha1(`content:${contentId}`).slice(4) : null
}

/** The behaviour of a content: the longest prefix set by a test wins, then the built-in ones. */
export function behaviourOf(
  infohash: string,
  set: Readonly<Record<string, ContentBehaviour>>,
): ContentBehaviour {
  const matches = Object.entries(set).filter(([prefix]) => infohash.startsWith(prefix))
  const longest = matches.toSorted(([left], [right]) => right.length - left.length)[0]
  return longest?.[1] ?? BUILT_IN_PREFIXES[infohash.slice(0, 4)] ?? 'plays'
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')
