import { type PortPeers, peersAt } from '../../core/viewers/tcp-table.ts'
import { type CommandResult, OUTPUT_BYTES_MAX } from '../../runtime/runtime.ts'

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/**
 * Commands that print the connections of a container's network to one of its ports, the better command first. `grep` prints
 * only the lines of the port. That matters because the output that is kept has room for about 400 connections, and the
 * engines behind one VPN have thousands.
 */
export const tableCommands = (port: number): readonly (readonly string[])[] => [
  ['grep', '-hF', '-e', 'local_address', '-e', `:${inHex(port)} `, ...TABLES],
  ['cat', ...TABLES],
]

const inHex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')

/** Reads from the output of such a command who is connected to the port; null if the container could not run the command. */
export const peersIn = (port: number, { exitCode, output }: CommandResult): PortPeers | null =>
  peersAt(port, {
    text: output,
    // A character that the limit would have cut is left out, so cut output may be some bytes shorter than the limit.
    isCut: Buffer.byteLength(output) > OUTPUT_BYTES_MAX - 4,
    isSound: exitCode === 0,
  })
