import { type Asked, fault, ok, type Row, skipped, warning } from './row.ts'

export interface PortsFacts {
  /** The ranges of which ports are published on the host. */
  readonly ranges: readonly HostRange[]
  readonly maxReplicas: number
  /** The TCP ports that anything listens at on the Docker host; null if they can't be seen from here. */
  readonly listening: ReadonlySet<number> | null
  /** The ports that running containers have on the host. */
  readonly published: Asked<readonly { readonly port: number; readonly isOurs: boolean }[]>
  readonly app: AppPortFacts
}

export interface HostRange {
  readonly setting: string
  readonly first: number
  readonly last: number
}

export interface AppPortFacts {
  readonly address: string
  readonly port: number
  /** What came of an attempt to listen there. */
  readonly state: 'free' | 'taken' | 'no_address' | 'forbidden'
  /** Whether a server of ours answers there. */
  readonly answers: boolean
}

/** Whether the port of the server is free, and enough ports for engines. Ports of our own engines count as free. */
export function portsRows(facts: PortsFacts): readonly Row[] {
  return [appRow(facts.app), ...facts.ranges.map((range) => rangeRow(range, facts))]
}

function appRow({ address, port, state, answers }: AppPortFacts): Row {
  const where = `${address}:${port}`
  if (answers) return ok('app_port', `the server answers at ${where}`)
  switch (state) {
    case 'free':
      return ok('app_port', `${where} is free`)
    case 'taken':
      return fault(
        'app_port',
        `another program listens at ${where}`,
        'end it, or choose another APP_PORT or BIND address',
      )
    case 'no_address':
      return fault(
        'app_port',
        `${address} is no address of this machine or container`,
        'set BIND to an address that it has, or leave it out',
      )
    case 'forbidden':
      return fault('app_port', `this user may not listen at ${where}`, 'choose an APP_PORT above 1023')
    default:
      return state satisfies never
  }
}

function rangeRow(
  { setting, first, last }: HostRange,
  { listening, published, maxReplicas }: PortsFacts,
): Row {
  const size = last - first + 1
  const name = `${setting} ${first}-${last}`
  const known = published.kind === 'answer' ? published.value : []
  const own = new Set(known.filter(({ isOurs }) => isOurs).map(({ port }) => port))
  const taken = new Set([...known.map(({ port }) => port), ...(listening ?? [])])
  const lost = [...taken.difference(own)]
    .filter((port) => port >= first && port <= last)
    .toSorted((a, b) => a - b)
  const free = size - lost.length
  if (listening === null && published.kind !== 'answer')
    return skipped('ports', `${name}: neither the host nor Docker could be asked`)
  const remedy = `end what has them (ss -ltnp, docker ps), or give ${setting} other ports`
  const text = `${name}: ${free} of ${size} ports are free${lost.length === 0 ? '' : `, taken are ${someOf(lost)}`}`
  if (free === 0) return fault('ports', text, remedy)
  if (lost.length > 0 && free < maxReplicas)
    return warning('ports', `${text}, fewer than MAX_REPLICAS (${maxReplicas})`, remedy)
  return ok('ports', listening === null ? `${text}, as far as Docker knows` : text)
}

const SHOWN = 5

const someOf = (ports: readonly number[]): string =>
  ports.length <= SHOWN
    ? ports.join(', ')
    : `${ports.slice(0, SHOWN).join(', ')} and ${ports.length - SHOWN} more`
