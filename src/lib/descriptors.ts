import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'

/** The file descriptors of this process: connections, files, sockets to Docker and to engines. */
export interface Descriptors {
  /** How many descriptors the process may have. */
  readonly limit: number
  /** How many more it may open; 0 if that cannot even be looked up. */
  left(): number
}

/** The descriptors of this process; null if the system does not report them (Linux does). */
export function ownDescriptors(): Descriptors | null {
  const limit = limitIn(readable('/proc/self/limits'))
  if (limit === null) return null
  return { limit, left: () => limit - (opened() ?? limit) }
}

/** Whether a descriptor is left at this moment. */
export function hasDescriptorLeft(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'))
    return true
  } catch {
    return false
  }
}

/**
 * The limit in force, from the text of `/proc/self/limits`; null if it has none. Bun raises the limit as far as it may when
 * it starts.
 */
export function limitIn(limits: string): number | null {
  const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(limits) ?? []
  return soft === '' ? null : Number(soft)
}

/** The number of open descriptors; null if none is left to read it with. */
function opened(): number | null {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return null
  }
}

function readable(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
