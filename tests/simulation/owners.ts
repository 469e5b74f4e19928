import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import type { Books } from './books.ts'

/** What other installations with our label do, and tools that recreate engines. */
export const OWNER_CHAOS_KINDS = ['other_comes', 'other_goes', 'other_turns', 'tool_recreates'] as const

export type OwnerChaosKind = (typeof OWNER_CHAOS_KINDS)[number]

export const INSTALLATION_LABEL = 'roundhouse.installation'
/** The ids of other installations. */
export const INSTALLATIONS = ['another-installation', 'a-third-installation'] as const

/** Whether the container's labels say that another installation created it. */
export const isForeign = ({ labels }: Pick<ContainerObservation, 'labels'>): boolean =>
  INSTALLATIONS.some((id) => id === labels[INSTALLATION_LABEL])

/** Whether another installation created the container and we have not taken it over. */
export const isOfOthers = (container: Pick<ContainerObservation, 'id' | 'labels'>, books: Books): boolean =>
  isForeign(container) && !books.live().some(({ container_id: id }) => id === container.id)
