import { type PortPeers, peersAt } from '../../core/viewers/tcp-table.ts'
import { type CommandResult, OUTPUT_BYTES_MAX } from '../../runtime/runtime.ts'

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/**
 * Commands that print the connections of a container's network to one of its ports, the better first: what is kept of an output
 * has room for some 400 connections, and the engines behind one VPN have thousands, of which `grep` prints those of the port.
 */
export const tableCommands = (port: number): readonly (readonly string[])[] => [
  ['grep', '-hF', '-e', 'local_address', '-e', `:${inHex(port)} `, ...TABLES],
  ['cat', ...TABLES],
]

const inHex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')

/** Who is connected to the port by the output of such a command; null where the container could not run it. */
export const peersIn = (port: number, { exitCode, output }: CommandResult): PortPeers | null =>
  peersAt(port, {
    text: output,
    // A character that was cut in two is left out.
    isCut: Buffer.byteLength(output) > OUTPUT_BYTES_MAX - 4,
    isSound: exitCode === 0,
  })
