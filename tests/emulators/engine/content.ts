import { createHash } from 'node:crypto'

/** How a content behaves when it is requested. */
export type ContentBehaviour =
  | 'plays'
  /** The content never loads. */
  | 'dead'
  /** The content loads and has no peers, so no bytes. */
  | 'no_peers'
  /** The content loads and has peers that send nothing. */
  | 'no_data'
  /** The content has several media files. */
  | 'several_files'
  /** Requests for the content are never answered. */
  | 'hang'

/** All behaviours, for code that validates one. */
export const CONTENT_BEHAVIOURS = [
  'plays',
  'dead',
  'no_peers',
  'no_data',
  'several_files',
  'hang',
] as const satisfies readonly ContentBehaviour[]

/** Ids with these prefixes behave this way by default. All others play. */
const BUILT_IN_PREFIXES: Readonly<Record<string, ContentBehaviour>> = {
  dead: 'dead',
  '0000': 'no_peers',
  '0bad': 'no_data',
  f11e: 'several_files',
}

/** A content as requested. */
export interface ContentRequest {
  readonly selector: 'content_id' | 'infohash' | 'url' | 'magnet'
  /** The value as written in the request. */
  readonly value: string
  /** 40 hex digits, or null if the value can't be an infohash. */
  readonly infohash: string | null
}

const SHA1_HEX = /^[0-9a-f]{40}$/

/**
 * The content that a query names, or null if it names none. If there are several selectors, the first of `content_id` (or
 * `id`), `infohash`, `url` and `magnet` counts.
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
 * Derives an infohash from a content id, always the same for the same id. The first four digits stay, so that a behaviour by
 * prefix holds for both selectors.
 */
export function infohashOf(contentId: string): string | null {
  return SHA1_HEX.test(contentId) ? contentId.slice(0, 4) + sha1(`content:${contentId}`).slice(4) : null
}

/** The behaviour of a content. The longest prefix that a test has set wins; then come the built-in ones. */
export function behaviourOf(
  infohash: string,
  set: Readonly<Record<string, ContentBehaviour>>,
): ContentBehaviour {
  const matches = Object.entries(set).filter(([prefix]) => infohash.startsWith(prefix))
  const longest = matches.toSorted(([left], [right]) => right.length - left.length)[0]
  return longest?.[1] ?? BUILT_IN_PREFIXES[infohash.slice(0, 4)] ?? 'plays'
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')
