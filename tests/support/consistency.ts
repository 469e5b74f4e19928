import { Database } from 'bun:sqlite'
import { GENERIC_LABEL } from '../../src/control/engines/template.ts'
import type { TestDocker } from './docker.ts'
import type { EngineRow } from './fleet.ts'
import type { TestServer } from './server.ts'

/** A fleet as Docker and as the orchestrator see it. All lists are sorted, so that equal sets are equal text. */
interface BothSides {
  readonly docker: { readonly containers: readonly string[]; readonly ports: readonly number[] }
  readonly orchestrator: { readonly engines: readonly string[]; readonly leases: readonly number[] }
  readonly listed: readonly string[]
}

/**
 * How long the two sides may disagree. dockerd may still be working on a call of a process that was killed; its result
 * settles at its event.
 */
const SETTLING_MS = 10_000

/** Waits until a server and its container engine agree, as `agreement` says. */
export type Agreement = (server: TestServer, promised?: Iterable<string>) => Promise<number>

/** The agreement with one Docker Engine. */
export const agreementWith =
  (docker: TestDocker): Agreement =>
  (server, promised) =>
    agreement(server, docker, promised)

/**
 * Waits until the server and Docker agree: the same engines, the same ports, and no port twice. Every container id of
 * `promised` (returned with a 200 and not deleted since) must be listed from the start. Returns the milliseconds until they
 * agreed. Throws with both sides in one message.
 */
export async function agreement(
  server: TestServer,
  docker: TestDocker,
  promised: Iterable<string> = [],
): Promise<number> {
  const beganMs = performance.now()
  const first = await bothSides(server, docker)
  const broken = [...promised].filter((id) => !first.listed.includes(id))
  if (broken.length > 0) throw disagreement(first, `promised and not listed: ${broken.join(', ')}`, server)
  for (let sides = first; ; sides = await bothSides(server, docker)) {
    const fault = faultOf(sides)
    const waitedMs = performance.now() - beganMs
    if (fault === null) return waitedMs
    if (waitedMs > SETTLING_MS) throw disagreement(sides, fault, server)
    await Bun.sleep(20)
  }
}

/**
 * Reads the leases of published ports from the database file; the peer-to-peer ports of these engines are not published. This
 * works while the server runs, and while no server has the file open. */
export function leasedPorts(server: TestServer): number[] {
  const database = new Database(server.databasePath, { readonly: true })
  try {
    const sql = "SELECT port FROM port_leases WHERE kind <> 'p2p' ORDER BY port"
    const rows = database.query<{ port: number }, []>(sql).all()
    return rows.map(({ port }) => port)
  } finally {
    database.close()
  }
}

/**
 * Lists the ids of the engines' containers that Docker has, running or not. Leaves out containers of the generic provision.
 */
export async function engineContainers(docker: TestDocker): Promise<string[]> {
  const filters = { label: [`${docker.label.key}=${docker.label.value}`] }
  const rows = await docker.client.listContainers({ all: true, filters })
  return rows.filter(({ Labels }) => Labels[GENERIC_LABEL] === undefined).map(({ Id }) => Id)
}

async function bothSides(server: TestServer, docker: TestDocker): Promise<BothSides> {
  // The listing is read first, because a promised engine must be on it from the start.
  const listed = (await server.get<EngineRow[]>('/engines')).map(nameOf).toSorted()
  const containers = await engineContainers(docker)
  const ports = await Promise.all(containers.map((id) => publishedPorts(docker, id)))
  const engines = (await server.get<EngineRow[]>('/engines?status=all')).map(nameOf)
  return {
    docker: { containers: containers.toSorted(), ports: ports.flat().toSorted((a, b) => a - b) },
    orchestrator: { engines: engines.toSorted(), leases: leasedPorts(server) },
    listed,
  }
}

/** A row without a container is a disagreement by itself, and is shown as one. */
const nameOf = (row: EngineRow): string =>
  row.container_id ?? `${row.container_name} (${row.status}, no container)`

/** The ports that a container asks for, running or not, because a stopped engine keeps its lease. */
async function publishedPorts(docker: TestDocker, id: string): Promise<number[]> {
  try {
    const { HostConfig } = await docker.client.getContainer(id).inspect()
    const bindings: Record<string, { HostPort: string }[]> = HostConfig.PortBindings ?? {}
    return Object.values(bindings).flatMap((hosts) => hosts.map(({ HostPort }) => Number(HostPort)))
  } catch (error) {
    // The container was removed after it was listed. The next reading has it on neither side.
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return []
    throw error
  }
}

function faultOf({ docker, orchestrator }: BothSides): string | null {
  if (docker.containers.join() !== orchestrator.engines.join()) return 'the containers are not the engines'
  if (docker.ports.join() !== orchestrator.leases.join()) return 'the published ports are not the leases'
  if (new Set(docker.ports).size !== docker.ports.length) return 'a port is published twice'
  return null
}

function disagreement(sides: BothSides, fault: string, server: TestServer): Error {
  return new Error(`${fault}\n${JSON.stringify(sides, null, 2)}\nThe server's output:\n${server.output}`)
}
