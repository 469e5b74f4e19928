import type { ContainerObservation } from '../../src/runtime/runtime.ts'
import type { Books } from './books.ts'

/** What other installations with our label do, and tools that make engines anew. */
export const OWNER_CHAOS_KINDS = ['other_comes', 'other_goes', 'other_turns', 'tool_recreates'] as const

export type OwnerChaosKind = (typeof OWNER_CHAOS_KINDS)[number]

export const INSTALLATION_LABEL = 'roundhouse.installation'
/** The ids of others. */
export const INSTALLATIONS = ['another-installation', 'a-third-installation'] as const

/** Whether its labels say that another installation made it. */
export const isForeign = ({ labels }: Pick<ContainerObservation, 'labels'>): boolean =>
  INSTALLATIONS.some((id) => id === labels[INSTALLATION_LABEL])

/** Whether another installation made it, and we have not taken it over. */
export const isOfOthers = (container: Pick<ContainerObservation, 'id' | 'labels'>, books: Books): boolean =>
  isForeign(container) && !books.live().some(({ container_id: id }) => id === container.id)
