import { isOfOthers } from '../../core/containers/installation.ts'
import type { ContainerObservation } from '../../runtime/runtime.ts'
import type { OwnRows } from '../../store/read-only.ts'
import { INSTALLATION_LABEL } from '../engines/template.ts'
import { isEngineContainer } from './adoption.ts'

/** The containers with our label, by whose they are. */
export interface Sorted {
  readonly ours: readonly ContainerObservation[]
  readonly others: readonly ContainerObservation[]
}

/**
 * Sorts containers with our label, without a server: by the id of their installation, and by the rows of live engines, as
 * `Installation` does. A container without an id is ours only if it is an engine: others may use the same label for something
 * else. `rows` is null if there is no database, and then only such engines are ours.
 */
export function sortByInstallation(listed: readonly ContainerObservation[], rows: OwnRows | null): Sorted {
  const isOurs = (container: ContainerObservation): boolean => {
    const installation = container.labels[INSTALLATION_LABEL] || null
    if (installation === null) return isEngineContainer(container)
    const row = rows?.streams.has(container.id)
      ? ({ status: 'ready', containerId: container.id } as const)
      : null
    return !isOfOthers({ containerId: container.id, installation }, rows?.installation ?? '', row)
  }
  const { ours = [], others = [] } = Object.groupBy(listed, (each) => (isOurs(each) ? 'ours' : 'others'))
  return { ours, others }
}
