import { hostPort } from '../host-port.ts'
import type { HostPort } from '../types.ts'

/** What is known about an engine that has not answered since its start. */
export interface Silence {
  /** The addresses that it was asked at. */
  readonly asked: readonly HostPort[]
  /** How often it was asked, and what went wrong the last time; null if nobody knows. */
  readonly probes: { readonly count: number; readonly error: string | null } | null
  /** The HTTP port that it was told to use. */
  readonly httpPort: number
  /** Its other ports, and those of others in its network. What listens there says nothing. */
  readonly otherPorts: readonly number[]
  /** A recipe says how its image is told its ports. */
  readonly isKnownImage: boolean
  /** Where its network listens for connections; null if that could not be read. */
  readonly listens: readonly HostPort[] | null
}

/** How many addresses a sentence names. */
const PLACES_MAX = 5

/** The port that an engine uses if it is told nothing; see docs.acestream.net. */
const DEFAULT_PORT = 6_878

/** The loopback address at which Docker's own name server listens in each container of a user-defined network. */
const DOCKER_DNS = '127.0.0.11'

const isLoopback = ({ host }: HostPort): boolean => host.startsWith('127.') || host === '[0:0:0:0:0:0:0:1]'

/** Where the engine itself seems to listen, apart from its other ports. */
function ownListeners({ listens, otherPorts }: Silence): readonly HostPort[] {
  return (listens ?? []).filter(({ host, port }) => host !== DOCKER_DNS && !otherPorts.includes(port))
}

/** The engine cannot be reached at its HTTP port from outside its container. */
function isMisplaced(silence: Silence): boolean {
  if (silence.listens === null) return false
  const atPort = silence.listens.filter(({ port }) => port === silence.httpPort)
  return atPort.every(isLoopback)
}

/**
 * Whether the engine will not answer however long it is waited for: it listens, but on its default port instead of ours, or
 * only on its own loopback address. An engine that listens nowhere yet may be booting.
 */
export function isHopeless(silence: Silence): boolean {
  if (!isMisplaced(silence)) return false
  return ownListeners(silence).some(({ port }) => port === silence.httpPort || port === DEFAULT_PORT)
}

/** What was asked, what came of it, and where the engine listens instead, as a clause. */
export function silenceInWords(silence: Silence): string {
  const { httpPort, listens } = silence
  const told = askedInWords(silence)
  if (listens === null) return told
  if (!isMisplaced(silence)) return `${told}; something listens on its port ${httpPort}`
  const own = ownListeners(silence)
  const [loopback] = own.filter(({ port }) => port === httpPort)
  if (loopback !== undefined)
    return `${told}; it listens on ${loopback.host}:${httpPort}, which only itself can reach`
  const usualFirst = own.toSorted((a, b) => Number(b.port === DEFAULT_PORT) - Number(a.port === DEFAULT_PORT))
  const places = usualFirst.slice(0, PLACES_MAX).map(({ host, port }) => `${host}:${port}`)
  const instead = places.length === 0 ? 'nor on another one' : `it listens on ${places.join(', ')}`
  return `${told}; nothing listens on its port ${httpPort}, ${instead}`
}

function askedInWords({ asked, probes }: Silence): string {
  const times = probes === null ? '' : ` ${probes.count} times`
  // The error names the address that it is about.
  if (probes?.error) return `it was asked${times}, the last time ${probes.error}`
  const where = asked.map(hostPort).join(' and ')
  return `it was asked${times} at ${where || 'no address'}`
}

/** What to do about it, as a sentence without a full stop. */
export function silenceRemedy(silence: Silence): string {
  const own = ownListeners(silence)
  if (isMisplaced(silence) && own.length > 0 && silence.isKnownImage)
    return 'the image was not told its ports: see in docs/ENGINES.md what its recipe sends, and whether ENGINE_RECIPE, ENGINE_CMD or ENGINE_ENV replaces that'
  if (own.some((place) => place.port === silence.httpPort && isLoopback(place)))
    return 'this image takes flags: set ENGINE_CMD with --bind-all, or ENGINE_RECIPE (docs/ENGINES.md)'
  if (isMisplaced(silence) && own.length > 0)
    return 'this image takes flags: set ENGINE_CMD with --http-port={http_port} --bind-all, or ENGINE_RECIPE (docs/ENGINES.md)'
  return 'read the log of the engine below; docs/ENGINES.md says what each image needs'
}
