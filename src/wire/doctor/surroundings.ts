import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { OwnSurroundings } from '../../control/containers/own-places.ts'

/** What the doctor sees of the machine; tests bring their own. */
export interface Surroundings {
  /** The machine's clock, in epoch milliseconds. */
  readonly now: () => number
  /** The text of a file of the system; empty if it can't be read. */
  readonly read: (path: string) => string
  readonly hostname: string
}

export const realSurroundings = (): Surroundings => ({ now: Date.now, read: textOf, hostname: hostname() })

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The table of mounts of this process. */
export const MOUNTS = '/proc/self/mountinfo'

/** The tables of this network, in the order in which `listenersIn` reads them. */
export const TCP_TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const

/** Docker and Podman mount these files from a folder that has the name of the container. */
const OWN_ID = /containers\/([0-9a-f]{64})\/\S* \/etc\/(?:hostname|hosts|resolv\.conf) /

/** The control group of a container ends with its id, where the group's own namespace does not hide it. */
const OWN_GROUP = /^\d+:\S*:\S*(?:docker|libpod|containers)[/-]([0-9a-f]{64})(?:\.scope)?(?:\/\S*)?$/m

/** The id of the container that this process runs in, or its beginning; null if it probably runs in none. */
export function ownContainer({ read, hostname: name }: Surroundings): string | null {
  const id = OWN_ID.exec(read(MOUNTS))?.[1] ?? OWN_GROUP.exec(read('/proc/self/cgroup'))?.[1]
  return id ?? (/^[0-9a-f]{12}$/.test(name) ? name : null)
}

/** The IPv4 address of the gateway of this network's way out; null if there is none. */
export function ownGateway({ read }: Pick<Surroundings, 'read'>): string | null {
  // A row has the interface, the target and the gateway; the way out has the target 0.
  const hex = /^\S+\s+00000000\s+([0-9A-F]{8})\s/m.exec(read('/proc/net/route'))?.[1]
  if (hex === undefined || hex === '00000000') return null
  const bytes = (hex.match(/../g) ?? []).map((each) => Number.parseInt(each, 16))
  // The kernel writes the bytes of an address in the order of the machine: the last one first.
  return bytes.toReversed().join('.')
}

/** What the server sees of its own container. */
export const ownSurroundings = (around: Surroundings): OwnSurroundings => ({
  container: ownContainer(around),
  gateway: () => ownGateway(around),
})

/** The type of the file system that a path lies on, and where that is mounted; null if the table does not say. */
export function mountOf(table: string, path: string): { readonly type: string; readonly at: string } | null {
  const mounts = table.split('\n').flatMap((line) => {
    const [, , , , at] = line.split(' ')
    const type = / - (\S+) /.exec(line)?.[1]
    return at === undefined || type === undefined ? [] : [{ type, at: unescaped(at) }]
  })
  const over = mounts.filter(({ at }) => at === '/' || path === at || path.startsWith(`${at}/`))
  // Of two mounts at one place the later one is seen.
  return over.toSorted((a, b) => a.at.length - b.at.length).at(-1) ?? null
}

/** The kernel writes spaces and the like as octal numbers. */
const unescaped = (text: string): string =>
  text.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
