import { codeOf } from './codes.ts'
import { hasDescriptorLeft } from './descriptors.ts'

/**
 * The messages for system errors that mean a shortage of this process or machine: of descriptors, memory, or local ports.
 */
const SHORTAGES: Readonly<Record<string, string>> = {
  EMFILE:
    'this process has no file descriptor left; raise its limit (docker run --ulimit nofile=65536, LimitNOFILE= of systemd)',
  ENFILE: 'this machine has no file descriptor left; raise fs.file-max',
  ENOMEM: 'there is no memory left',
  ENOBUFS: 'there is no memory left for connections',
  EADDRNOTAVAIL: 'there is no port left to ask from',
}

/**
 * Why a request could not even be sent, because of a shortage of our own, which says nothing about the server; null for any
 * other error. The library also reports a refused connection if it got no socket, so in that case the remaining descriptors
 * are checked.
 */
export function shortageIn(error: unknown): string | null {
  const code = codeOf(error)
  if (code === 'ECONNREFUSED' && !hasDescriptorLeft()) return SHORTAGES.EMFILE ?? null
  return SHORTAGES[code] ?? null
}
