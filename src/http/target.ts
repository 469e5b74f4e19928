/** A host and the port that it was named with, as in a `Host` header or an origin. */
export interface Authority {
  /** In lower case, without a dot at its end; an IPv6 address without its brackets. */
  readonly name: string
  readonly isAddress: boolean
  /** Null where none was named. */
  readonly port: number | null
}

const AUTHORITY = /^(?:\[([\da-f:.]{2,45})\]|([a-z\d_.-]{1,255}))(?::(\d{0,5}))?$/i
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/
const PORT_MAX = 65_535
const SCHEME = 'http://'

/** Null for what names no host: two of them, a blank in it, a user before it, a port that is none. */
export function authorityOf(text: string): Authority | null {
  const [, v6, given = '', digits = ''] = AUTHORITY.exec(text) ?? []
  const name = (v6 ?? given).toLowerCase().replace(/\.$/, '')
  const port = digits === '' ? null : Number(digits)
  if (name === '' || (port !== null && port > PORT_MAX)) return null
  return { name, isAddress: v6 !== undefined || IPV4.test(name), port }
}

/**
 * Where the path begins in a request's URL; -1 where it has none. Bun gives a whole URL, which is a normal one, or only the path
 * where the request has no `Host` that is one. What stands before the path in a request line has no effect.
 */
function pathStart(url: string): number {
  if (url.startsWith('/')) return 0
  return url.startsWith(SCHEME) ? url.indexOf('/', SCHEME.length) : -1
}

/**
 * The request as the router has to see it: with a whole URL, and one slash where its path begins, since acexy joins its base URL and
 * the path as they are, so that a base with a slash at its end asks for `//engines`. Null without a path.
 */
export function tidied(request: Request): Request | null {
  const { url } = request
  const start = pathStart(url)
  if (start < 0) return null
  if (start > 0 && url[start + 1] !== '/') return request
  const origin = start === 0 ? `${SCHEME}localhost` : url.slice(0, start)
  return new Request(origin + url.slice(start).replace(/^\/+/, '/'), request)
}

/** The path of a request's URL, letter by letter as the router reads it: nobody may read it in another way. */
export function pathOf(url: string): string {
  const [start, mark] = pathBounds(url)
  return url.slice(start, mark)
}

/** The query of a request's URL. */
export const searchOf = (url: string): URLSearchParams => new URLSearchParams(url.slice(pathBounds(url)[1]))

function pathBounds(url: string): readonly [start: number, end: number] {
  const start = Math.max(0, pathStart(url))
  const mark = url.indexOf('?', start)
  return [start, mark < 0 ? url.length : mark]
}
