/** A host and its port, as in a `Host` header or an origin. */
export interface Authority {
  /** The name in lower case, without a dot at its end; an IPv6 address without its brackets. */
  readonly name: string
  readonly isAddress: boolean
  /** Null if no port was given. */
  readonly port: number | null
}

const AUTHORITY = /^(?:\[([\da-f:.]{2,45})\]|([a-z\d_.-]{1,255}))(?::(\d{0,5}))?$/i
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/
const PORT_MAX = 65_535
const SCHEME = 'http://'

/**
 * Reads a host and its port. Returns null if the text does not name one host, such as two hosts, a blank, a user, or an
 * invalid port.
 */
export function authorityOf(text: string): Authority | null {
  const [, v6, given = '', digits = ''] = AUTHORITY.exec(text) ?? []
  const name = (v6 ?? given).toLowerCase().replace(/\.$/, '')
  const port = digits === '' ? null : Number(digits)
  if (name === '' || (port !== null && port > PORT_MAX)) return null
  return { name, isAddress: v6 !== undefined || IPV4.test(name), port }
}

/**
 * Where the path begins in a request's URL; -1 if there is no path. Bun gives a whole, normalised URL, or only the path if
 * the request has no valid `Host`. Whatever stands before the path in the request line has no effect.
 */
function pathStart(url: string): number {
  if (url.startsWith('/')) return 0
  return url.startsWith(SCHEME) ? url.indexOf('/', SCHEME.length) : -1
}

/**
 * The request as the router needs it: with a whole URL, and exactly one slash at the start of its path. acexy joins its base
 * URL and the path unchanged, so a base URL with a slash at its end asks for `//engines`. Null if there is no path.
 */
export function tidied(request: Request): Request | null {
  const { url } = request
  const start = pathStart(url)
  if (start < 0) return null
  if (start > 0 && url[start + 1] !== '/') return request
  const origin = start === 0 ? `${SCHEME}localhost` : url.slice(0, start)
  return new Request(origin + url.slice(start).replace(/^\/+/, '/'), request)
}

/** The path of a request's URL, exactly as the router reads it. All code must read the path in this way. */
export function pathOf(url: string): string {
  const [start, mark] = pathBounds(url)
  return url.slice(start, mark)
}

/** The path and the query of a request's URL, as they are written there. */
export const targetOf = (url: string): string => url.slice(Math.max(0, pathStart(url)))

/** The query of a request's URL. */
export const searchOf = (url: string): URLSearchParams => new URLSearchParams(url.slice(pathBounds(url)[1]))

function pathBounds(url: string): readonly [start: number, end: number] {
  const start = Math.max(0, pathStart(url))
  const mark = url.indexOf('?', start)
  return [start, mark < 0 ? url.length : mark]
}
