import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

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

/** Docker mounts these files from a folder that has the name of the container. */
const OWN_ID = /\/containers\/([0-9a-f]{64})\/\S* \/etc\/(?:hostname|hosts|resolv\.conf) /

/** The id of the container that this process runs in, or its beginning; null if it probably runs in none. */
export function ownContainer({ read, hostname: name }: Surroundings): string | null {
  return OWN_ID.exec(read(MOUNTS))?.[1] ?? (/^[0-9a-f]{12}$/.test(name) ? name : null)
}

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
