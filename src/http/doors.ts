import type { Failure } from './problems.ts'
import { type Authority, authorityOf } from './target.ts'

/** Says why a request is not let in, whatever its key; null lets it in. */
export type Doors = (request: Request) => Failure | null

/** Methods that change nothing. Browsers send such requests for any page that links to us. */
export const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Names that no web page can point at us: `localhost`, and the name that Docker gives to the host inside a container. */
const SAFE_NAMES = ['localhost', 'host.docker.internal']

/**
 * The checks before everything else, even before the key. They protect from browsers: a page that points its own name at us
 * (DNS rebinding) sends that name as `Host`, and a page of another origin announces itself in `Origin` and `Sec-Fetch-Site`.
 * Programs send neither. `hosts` are further names of this server. Addresses and names without a dot are always accepted,
 * because no page can have them.
 */
export function doorsOf(hosts: readonly string[]): Doors {
  const known = new Set([...SAFE_NAMES, ...hosts.map(canonical)])
  // The last `Host` is kept, because nearly every request has the same one.
  let last: Authority | null = null
  let lastGiven = ''
  return ({ method, headers }) => {
    // HTTP/1.0 has no `Host`, and some load balancers use it for health checks. Without a name there is no DNS rebinding.
    const given = headers.get('host') ?? ''
    if (given !== '' && given !== lastGiven) {
      const host = authorityOf(given)
      if (host === null) return malformed(given)
      if (!isKnown(host, known)) return notAllowed(host)
      last = host
      lastGiven = given
    }
    return READS.has(method) ? null : changeFailure(headers, given === '' ? null : last)
  }
}

const changeFailure = (headers: Headers, host: Authority | null): Failure | null =>
  isOurOwn(headers, host) ? null : crossSite(headers)

const canonical = (name: string): string => name.toLowerCase().replace(/\.$/, '')

const isKnown = ({ name, isAddress }: Authority, known: ReadonlySet<string>): boolean =>
  isAddress || !name.includes('.') || known.has(name)

/**
 * Whether the request was not sent by a page of another origin. `same-site` means another port, or another name of our
 * domain. It counts as our own only with an `Origin` that is ours, and all browsers send `Origin` with a change.
 */
function isOurOwn(headers: Headers, host: Authority | null): boolean {
  const site = headers.get('sec-fetch-site')
  const origin = headers.get('origin')
  if (origin !== null && !isSame(origin, host)) return false
  return (
    site === null || site === 'same-origin' || site === 'none' || (site === 'same-site' && origin !== null)
  )
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 }

/** Compares host and port but not the scheme, because a reverse proxy that ends TLS asks us over HTTP. */
function isSame(origin: string, host: Authority | null): boolean {
  const [, scheme = '', rest = ''] = /^(https?):\/\/(.*)$/i.exec(origin) ?? []
  const theirs = authorityOf(rest)
  if (theirs === null || host === null || theirs.name !== host.name) return false
  const usual = DEFAULT_PORTS[scheme.toLowerCase()] ?? null
  return (theirs.port ?? usual) === (host.port ?? usual)
}

const malformed = (host: string): Failure => ({
  status: 400,
  code: 'malformed_host',
  message: `the Host header names no host: ${shown(host)}`,
})

const notAllowed = ({ name }: Authority): Failure => ({
  status: 403,
  code: 'host_not_allowed',
  message:
    `nobody said that ${shown(name)} is a name of this server: add it to ALLOWED_HOSTS, ` +
    'or use an IP address, localhost, or a name without a dot',
})

const crossSite = (headers: Headers): Failure => ({
  status: 403,
  code: 'cross_site',
  message:
    `a page of another origin (${shown(headers.get('origin') ?? 'not named')}) sent this, and only our own pages may change something: ` +
    'use the address that the page was opened at, or a program; a reverse proxy has to pass the Host header on as it is',
})

const SHOWN_MAX = 100

/** Makes text from a request printable and short. */
const shown = (text: string): string => {
  const printable = text.slice(0, SHOWN_MAX).replaceAll(/[^ -~]/g, '?')
  return `"${printable}"${text.length > SHOWN_MAX ? '…' : ''}`
}
