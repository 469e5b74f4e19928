import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import type { Command } from '../support/memory-container.ts'
import { type TableEntry, tableAnswer } from '../support/tcp-tables.ts'
import { type Coverage, tally } from './coverage.ts'
import type { EngineProcess, Session } from './engine-process.ts'
import type { Random } from './random.ts'
import type { SimNodes } from './sim-nodes.ts'

/** What a host offers to find out who uses an engine, apart from stream records. */
export interface HostSights {
  /** The command in the engines' image that prints the tables of connections. */
  readonly engines: 'grep' | 'cat' | 'nothing'
  /** Whether the containers of the VPN nodes have such a command. */
  readonly nodes: boolean
  /** Whether Docker counts a network's traffic. */
  readonly counts: boolean
}

const NO_COMMAND = { exitCode: 126, output: 'OCI runtime exec failed: executable file not found in $PATH' }
/** The output of a command that was killed half-way. */
const HALF = { exitCode: 137, output: tableAnswer().output.split('\n')[0] ?? '' }

export interface SimTablesDeps {
  readonly random: Random
  readonly coverage: Coverage
  readonly sights: HostSights
  readonly nodes: SimNodes
  readonly containers: () => readonly ContainerObservation[]
  readonly process: (containerId: string) => EngineProcess | undefined
}

/** The kernel's tables of TCP connections, as commands in containers read them. */
export class SimTables {
  constructor(private readonly deps: SimTablesDeps) {}

  /**
   * Whether the connections of an engine can be read. A node's container that was replaced can't be used for that any more.
   */
  areReadable({ joins }: Pick<ContainerObservation, 'joins'>): boolean {
    const { sights, containers } = this.deps
    return sights.engines !== 'nothing' || (sights.nodes && containers().some(({ id }) => id === joins))
  }

  read([command]: readonly string[], container: ContainerObservation): Command {
    const { random, coverage, nodes, sights } = this.deps
    const isNode = nodes.named(container.id) !== undefined
    const has = isNode ? sights.nodes : sights.engines === command || sights.engines === 'grep'
    tally(coverage, `tables of ${isNode ? 'a node' : 'an engine'} by ${command}: ${has ? 'read' : 'refused'}`)
    if (!has) return NO_COMMAND
    if (random.chance(0.03)) return random.chance(0.5) ? null : HALF
    return tableAnswer([...this.#viewers(container), ...this.#others(container)])
  }

  /** The readers of sessions of all engines in the container's network. */
  #viewers(container: ContainerObservation): readonly TableEntry[] {
    return this.#sharing(container).flatMap((engine) => {
      const localPort = portOf(engine)
      const sessions = this.deps.process(engine.id)?.sessions() ?? []
      return sessions.flatMap((session) =>
        [...Array(session.readers).keys()].map((reader) => ({ localPort, ...peerOf(session, reader) })),
      )
    })
  }

  /** Peers of the engine, and sometimes a pending probe of the orchestrator. */
  #others(container: ContainerObservation): readonly TableEntry[] {
    const { random } = this.deps
    const peer = { localPort: random.int(8_000, 9_000), peer: '5.6.7.8', peerPort: portOf(container) }
    const ended = { localPort: portOf(container), peer: '172.17.0.1', peerPort: random.int(1, 65_535) }
    const question = random.chance(0.05) ? [{ ...ended, peerPort: random.int(1, 65_535) }] : []
    return [peer, { ...ended, state: '06' }, ...question]
  }

  #sharing(container: ContainerObservation): readonly ContainerObservation[] {
    const { nodes, containers } = this.deps
    const node = nodes.named(container.id) ?? nodes.behindOf(container)
    return node === undefined ? [container] : containers().filter((each) => nodes.behindOf(each) === node)
  }
}

const portOf = ({ labels }: ContainerObservation): number => Number(labels['acestream.http_port'] ?? 1)

/** Gives each reader of a session a fixed address of its own. */
function peerOf({ id }: Session, reader: number): Pick<TableEntry, 'peer' | 'peerPort'> {
  const hash = Number(BigInt.asUintN(32, Bun.hash.wyhash(`${id} ${reader}`)))
  return { peer: `10.${(hash >>> 24) & 255}.${(hash >>> 16) & 255}.1`, peerPort: 1_024 + (hash & 0x7fff) }
}
