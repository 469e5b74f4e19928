import type { Failure } from './problems.ts'
import { type Authority, authorityOf } from './target.ts'

/** Says why a request is not let in, whatever its key; null lets it in. */
export type Doors = (request: Request) => Failure | null

/** Methods that change nothing: browsers send them for any page that names us. */
export const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** What no web page can have its own name point at: `localhost`, and the host as Docker names it in a container. */
const SAFE_NAMES = ['localhost', 'host.docker.internal']

/**
 * The doors before everything else, the key too. They are about browsers: a page that has made its own name point at us (DNS rebinding)
 * sends that name as `Host`, and one that sends us a request of its own says so in `Origin` and `Sec-Fetch-Site`. Programs send
 * neither. `hosts` are the names that we are known by beside addresses and names without a dot, which no page can have.
 */
export function doorsOf(hosts: readonly string[]): Doors {
  const known = new Set([...SAFE_NAMES, ...hosts.map(canonical)])
  // Nearly every request has the Host of the one before.
  let last: Authority | null = null
  let lastGiven = ''
  return ({ method, headers }) => {
    // Without a name there is none to be made to point at us: HTTP/1.0, as health checks of load balancers speak it.
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
 * Whether no page of another origin sends this. `same-site` is another port, or another name of our domain: it counts as our own only
 * with an `Origin` that is, and all browsers send that along with a change.
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

/** The scheme is left out of it: what ends TLS before us asks us over HTTP. */
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

/** What a stranger sent, printable and short. */
const shown = (text: string): string => {
  const printable = text.slice(0, SHOWN_MAX).replaceAll(/[^ -~]/g, '?')
  return `"${printable}"${text.length > SHOWN_MAX ? '…' : ''}`
}
