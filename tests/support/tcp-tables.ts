import type { CommandResult } from '../../src/runtime/runtime.ts'

/** A connection in a table of the kernel, as the local side sees it. IPv4 only. */
export interface TableEntry {
  readonly localPort: number
  readonly peer: string
  readonly peerPort: number
  /** ESTABLISHED by default. */
  readonly state?: string
  /** 172.17.0.2 by default. */
  readonly localAddress?: string
}

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'.padEnd(
    149,
  )
const HEAD_6 =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'

/** What `grep` or `cat` prints of both tables, as Linux 6 shows them. All connections are in the first table. */
const tcpTables = (entries: readonly TableEntry[] = []): string =>
  [HEAD, ...entries.map(lineOf), HEAD_6, ''].join('\n')

/** Whether a command asks for the tables. */
export const asksForTables = (command: readonly string[]): boolean => command.includes('/proc/net/tcp')

/** The answer of a container whose network has these connections. */
export const tableAnswer = (entries: readonly TableEntry[] = []): CommandResult => ({
  exitCode: 0,
  output: tcpTables(entries),
})

/** What a command prints of the tables of a network that listens at these addresses (`host:port`). */
export const listening = (places: readonly string[]): string =>
  tcpTables(
    places.map((place) => {
      const [localAddress = '', port] = place.split(':')
      return { localAddress, localPort: Number(port), peer: '0.0.0.0', peerPort: 0, state: '0A' }
    }),
  )

function lineOf(entry: TableEntry, index: number): string {
  const { localAddress = '172.17.0.2', localPort, peer, peerPort, state = '01' } = entry
  const local = `${addressHex(localAddress)}:${portHex(localPort)}`
  const remote = `${addressHex(peer)}:${portHex(peerPort)}`
  return `${String(index).padStart(4)}: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${index + 1} 1 0000000000000000 20 4 30 10 -1`.padEnd(
    149,
  )
}

const addressHex = (address: string): string =>
  address
    .split('.')
    .toReversed()
    .map((byte) => hex(Number(byte), 2))
    .join('')
const portHex = (port: number): string => hex(port, 4)
const hex = (value: number, width: number): string => value.toString(16).toUpperCase().padStart(width, '0')
