import type { HostPort } from '../types.ts'

/** The connections to one port of a network, from the kernel's TCP tables. */
export interface PortPeers {
  /** The peers that are connected to the port, as `address:port`. */
  readonly peers: readonly string[]
  /** Both tables were read to their end, so a peer that is not listed is not connected. */
  readonly isWhole: boolean
}

/** The result of reading `/proc/net/tcp` and `/proc/net/tcp6`, in this order. */
export interface TableText {
  readonly text: string
  /** The output was longer than what is kept. */
  readonly isCut: boolean
  /** The command that read the tables reported no error. */
  readonly isSound: boolean
}

const TABLE = /^\s*sl\s+local_address\s+rem_address\s/m
const TABLE_6 = /^\s*sl\s+local_address\s+remote_address\s/m

/**
 * The error for a missing second table, as GNU's commands and busybox word it. A kernel without IPv6 has no second table.
 */
const NO_TABLE_6 = /\/proc\/net\/tcp6'?: No such file or directory/

const ADDRESS = '([0-9A-F]{32}|[0-9A-F]{8}):([0-9A-F]{4})'
const ENTRY = new RegExp(`^\\s*\\d+: ${ADDRESS} ${ADDRESS} ([0-9A-F]{2}) `)
const ENTRY_START = /^\s*\d+:/

/** The state of a connection that both sides hold. A connection that either side has begun to close has no user any more. */
const ESTABLISHED = '01'
const LISTENING = '0A'

/**
 * Reads which peers are connected to a port of a network; null if the text contains no table. Lines that are no entries
 * (messages of the command or of a dynamic linker) are ignored. An entry that cannot be read could be any peer, so `isWhole`
 * is false then.
 */
export function peersAt(port: number, { text, isCut, isSound }: TableText): PortPeers | null {
  if (!TABLE.test(text)) return null
  const isTable6Read = isSound ? TABLE_6.test(text) : NO_TABLE_6.test(text)
  const lines = text.split('\n').filter((line) => ENTRY_START.test(line))
  const entries = lines.flatMap((line) => entryIn(line) ?? [])
  const peers = entries.flatMap((entry) =>
    entry.localPort === port && entry.state === ESTABLISHED ? [entry.peer] : [],
  )
  return { peers, isWhole: isTable6Read && !isCut && entries.length === lines.length }
}

/** Where a network listens for connections, from the text of both tables; null if the text contains no table. */
export function listenersIn(text: string): readonly HostPort[] | null {
  if (!TABLE.test(text)) return null
  const listeners = text.split('\n').flatMap((line) => {
    const entry = entryIn(line)
    return entry?.state === LISTENING ? [{ host: entry.localAddress, port: entry.localPort }] : []
  })
  return [...new Map(listeners.map((each) => [`${each.host}:${each.port}`, each])).values()]
}

interface Entry {
  readonly localAddress: string
  readonly localPort: number
  readonly peer: string
  readonly state: string
}

function entryIn(line: string): Entry | null {
  const [, localAddress, localPort, address, port, state] = ENTRY.exec(line) ?? []
  if (localAddress === undefined || localPort === undefined) return null
  if (address === undefined || port === undefined || state === undefined) return null
  return {
    localAddress: addressIn(localAddress),
    localPort: Number.parseInt(localPort, 16),
    peer: `${addressIn(address)}:${Number.parseInt(port, 16)}`,
    state,
  }
}

const MAPPED = '0000000000000000FFFF0000'

/** The tables write an address in words of four bytes, each in reverse byte order on the machines that engines run on. */
function addressIn(hex: string): string {
  if (hex.length === 8) return dotted(hex)
  if (hex.startsWith(MAPPED)) return dotted(hex.slice(MAPPED.length))
  const bytes = [0, 8, 16, 24].map((at) => bytesOf(hex.slice(at, at + 8)).join('')).join('')
  const groups = (bytes.match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16).toString(16))
  return `[${groups.join(':')}]`
}

const dotted = (word: string): string =>
  bytesOf(word)
    .map((byte) => Number.parseInt(byte, 16))
    .join('.')

/** The bytes of a word in network order. */
const bytesOf = (word: string): readonly string[] => [6, 4, 2, 0].map((at) => word.slice(at, at + 2))
