import type { LoadedConfig } from '../../config/config.ts'
import { clockRow } from './clock.ts'
import { type DatabaseFacts, databaseRows } from './database.ts'
import { type DockerFacts, dockerRows, isReached } from './docker.ts'
import { gluetunRows, type NodeFacts } from './gluetun.ts'
import { type ImageFacts, imageRows } from './image.ts'
import { type KeyFacts, keyRows } from './key.ts'
import { type NetworkFacts, networkRows } from './network.ts'
import { type PortsFacts, portsRows } from './ports.ts'
import { proxiesRows, type ServerWord } from './proxies.ts'
import type { Asked, Row } from './row.ts'
import { skipped } from './row.ts'
import { type ScaleFacts, scaleRows } from './scale.ts'
import { settingsRows } from './settings.ts'
import { type SwarmFacts, swarmRows } from './swarm.ts'

/** Everything that was found out, as it was at one moment. */
export interface Facts {
  readonly loaded: LoadedConfig
  readonly docker: DockerFacts
  readonly image: ImageFacts
  readonly ports: PortsFacts
  readonly network: NetworkFacts
  readonly nodes: readonly NodeFacts[]
  /** Null without a swarm. */
  readonly swarm: SwarmFacts | null
  readonly database: DatabaseFacts
  readonly clock: Asked<{ readonly aheadMs: number }>
  readonly key: KeyFacts
  readonly scale: ScaleFacts
  /** What the running server says; null if none answers. */
  readonly server: ServerWord | null
}

/** The settings that say which Docker is asked. */
const DOCKERS = /^DOCKER_(?:HOST|TLS_VERIFY|CERT_PATH)$/

/** Who reaches the engines: this process, and the proxies. */
const reachRows = ({ network, server }: Facts): readonly Row[] => [
  ...networkRows(network),
  ...proxiesRows(network, server),
]

/** Settings that decide what is looked at. If one is wrong, a look would be at something else than the server's. */
const SUBJECTS: readonly (readonly [
  check: string,
  settings: RegExp,
  rows: (facts: Facts) => readonly Row[],
])[] = [
  ['docker', DOCKERS, ({ docker }) => dockerRows(docker)],
  [
    'image',
    /^(?:DOCKER_(?:HOST|TLS_VERIFY|CERT_PATH)|TARGET_IMAGE|ENGINE_(?:RECIPE|CMD|TMPFS))$/,
    ({ image }) => imageRows(image),
  ],
  ['ports', /^(?:APP_PORT|BIND|PORT_RANGE_HOST|ACE_.*_RANGE)$/, ({ ports }) => portsRows(ports)],
  ['network', /^DOCKER_(?:HOST|TLS_VERIFY|CERT_PATH|NETWORK)$/, reachRows],
  [
    'gluetun',
    /^(?:DOCKER_(?:HOST|TLS_VERIFY|CERT_PATH)|GLUETUN_.*)$/,
    ({ nodes, network }) => nodes.flatMap((node) => gluetunRows(node, network.advertise)),
  ],
  [
    'swarm',
    /^(?:DOCKER_(?:HOST|TLS_VERIFY|CERT_PATH)|ENGINE_RUNTIME|SWARM_.*)$/,
    ({ swarm }) => (swarm === null ? [] : swarmRows(swarm)),
  ],
  ['database', /^DB_URL$/, ({ database }) => databaseRows(database)],
  ['min_replicas', /^(?:DB_URL|MIN_REPLICAS)$/, ({ scale }) => scaleRows(scale)],
  ['clock', DOCKERS, ({ clock }) => [clockRow(clock)]],
  ['key', /^(?:BIND|API_KEY.*|ALLOW_NO_KEY)$/, ({ key }) => keyRows(key)],
]

const OF_DOCKER: ReadonlySet<string> = new Set(['image', 'network', 'gluetun', 'swarm', 'clock'])

/** All rows, in the order in which they are shown. */
export function examine(facts: Facts): readonly Row[] {
  const wrong = 'problems' in facts.loaded ? facts.loaded.problems.map(({ variable }) => variable) : []
  const rows = SUBJECTS.flatMap(([check, settings, rowsOf]) => {
    const doubtful = wrong.find((name) => settings.test(name))
    if (doubtful !== undefined) return [skipped(check, `${doubtful} is not right, see above`)]
    const isSilent = OF_DOCKER.has(check) && !isReached(facts.docker)
    return isSilent ? silentRows(check, rowsOf(facts)) : rowsOf(facts)
  })
  return [...settingsRows(facts.loaded), ...rows]
}

/** Without Docker, one row says that a subject was skipped, besides what is known without it. */
function silentRows(check: string, rows: readonly Row[]): readonly Row[] {
  const known = rows.filter(({ status }) => status === 'warning' || status === 'fault')
  return rows.length === 0 ? [] : [skipped(check, 'Docker did not answer'), ...known]
}
