import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'

/** The file descriptors of this process: connections, files, sockets to Docker and to engines. */
export interface Descriptors {
  /** How many it may have. */
  readonly limit: number
  /** How many it may still open; none where that can't even be looked up. */
  left(): number
}

/** Those of this process; null where the system does not tell of them (Linux does). */
export function ownDescriptors(): Descriptors | null {
  const limit = limitIn(readable('/proc/self/limits'))
  if (limit === null) return null
  return { limit, left: () => limit - (opened() ?? limit) }
}

/** Whether there is one left at this moment. */
export function hasDescriptorLeft(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'))
    return true
  } catch {
    return false
  }
}

/** The limit that is in force; Bun has raised it as far as it may at its start. Null for none. */
export function limitIn(limits: string): number | null {
  const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(limits) ?? []
  return soft === '' ? null : Number(soft)
}

/** Null where there is none left to look with. */
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
