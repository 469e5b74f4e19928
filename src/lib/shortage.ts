import { codeOf } from './codes.ts'
import { hasDescriptorLeft } from './descriptors.ts'

/** What the system says where this process, or the machine, has none left of something: of descriptors, memory, ports to ask from. */
const SHORTAGES: Readonly<Record<string, string>> = {
  EMFILE:
    'this process has no file descriptor left; raise its limit (docker run --ulimit nofile=65536, LimitNOFILE= of systemd)',
  ENFILE: 'this machine has no file descriptor left; raise fs.file-max',
  ENOMEM: 'there is no memory left',
  ENOBUFS: 'there is no memory left for connections',
  EADDRNOTAVAIL: 'there is no port left to ask from',
}

/**
 * Why a question could not even be asked, for a lack of our own, which says nothing of whoever was to answer; null for any other
 * error. The library says that a connection was refused where it got no socket, so of what never came to a connection the
 * descriptors are looked at, too.
 */
export function shortageIn(error: unknown): string | null {
  const code = codeOf(error)
  if (code === 'ECONNREFUSED' && !hasDescriptorLeft()) return SHORTAGES.EMFILE ?? null
  return SHORTAGES[code] ?? null
}
