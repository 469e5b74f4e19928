import type { AppPortFacts, HostRange } from '../../cli/doctor/ports.ts'
import type { Asked } from '../../cli/doctor/row.ts'
import type { Config } from '../../config/config.ts'
import { sortByInstallation } from '../../control/containers/installation-containers.ts'
import { listenersIn } from '../../core/viewers/tcp-table.ts'
import { codeOf } from '../../lib/codes.ts'
import type { ContainerObservation } from '../../runtime/runtime.ts'
import type { OwnRows } from '../../store/read-only.ts'
import { vpnNodesOf } from '../settings.ts'
import { type Surroundings, TCP_TABLES } from './surroundings.ts'

/** The ranges of which engines publish ports on the host. Behind a VPN engines publish none. */
export function publishedRanges(config: Config): readonly HostRange[] {
  if (vpnNodesOf(config).length > 0) return []
  return [
    { setting: 'PORT_RANGE_HOST', ...config.PORT_RANGE_HOST },
    ...(config.ACE_MAP_HTTPS ? [{ setting: 'ACE_HTTPS_RANGE', ...config.ACE_HTTPS_RANGE }] : []),
    ...(config.PUBLISH_P2P ? [{ setting: 'ACE_P2P_RANGE', ...config.ACE_P2P_RANGE }] : []),
  ]
}

/** The ports that anything in this network listens at: one reading of the kernel's tables, in place of an attempt for each port. */
export function listeningPorts({ read }: Surroundings): ReadonlySet<number> | null {
  const listeners = listenersIn(TCP_TABLES.map(read).join('\n'))
  return listeners === null ? null : new Set(listeners.map(({ port }) => port))
}

/** The ports that running containers have on the host, and whether the containers are of this installation. */
export function publishedPorts(
  running: Asked<readonly ContainerObservation[]>,
  { key, value }: Config['CONTAINER_LABEL'],
  rows: OwnRows | null,
): Asked<readonly { readonly port: number; readonly isOurs: boolean }[]> {
  if (running.kind !== 'answer') return running
  const labelled = running.value.filter(({ labels }) => labels[key] === value)
  const ours = new Set(sortByInstallation(labelled, rows).ours.map(({ id }) => id))
  const ports = running.value.flatMap(({ id, ports: all }) =>
    all.map(({ hostPort }) => ({ port: hostPort, isOurs: ours.has(id) })),
  )
  return { kind: 'answer', value: ports }
}

/** Tries to listen where the server would, and ends that at once. */
export function appPortState(hostname: string, port: number): AppPortFacts['state'] {
  try {
    Bun.listen({ hostname, port, socket: { data: () => undefined } }).stop(true)
    return 'free'
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EADDRINUSE') return 'taken'
    return code === 'EACCES' ? 'forbidden' : 'no_address'
  }
}
