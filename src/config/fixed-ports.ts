/** The kind of the setting for ports that a VPN provider forwards for good. */
import { containerName } from './formats.ts'
import { type Kind, port } from './kinds.ts'

/** The fixed ports of one VPN container. */
export interface FixedPorts {
  readonly node: string
  readonly ports: readonly number[]
}

/** The fixed ports of VPN containers, `name:port,port,name:port`. A container may be named several times. */
export const fixedPorts: Kind<readonly FixedPorts[]> = {
  type: 'name:port,…',
  expects:
    'the name of a Gluetun container, a colon and its ports from 1 to 65535, separated by commas, ' +
    'such as gluetun:50000,50001 or gluetun:50000,50001,gluetun2:50002',
  parse: (given) => {
    const ports = new Map<string, number[]>()
    let node: string | undefined
    for (const item of given === '' ? [] : given.split(',')) {
      const [, name, digits = ''] = /^\s*(?:([^:\s]+):)?\s*(\d+)\s*$/.exec(item) ?? []
      node = name === undefined ? node : containerName.parse(name)
      const parsed = port.parse(digits)
      if (node === undefined || parsed === undefined) return undefined
      ports.set(node, [...(ports.get(node) ?? []), parsed])
    }
    return [...ports].map(([node, ports]) => ({ node, ports }))
  },
  format: (nodes) => nodes.map(({ node, ports }) => `${node}:${ports.join()}`).join(),
}
