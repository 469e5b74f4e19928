/** A container label. */
export interface Label {
  readonly key: string
  readonly value: string
}

/** How labels begin that have a meaning of their own on a container: ours, and those of the earlier orchestrator. */
export const RESERVED_PREFIXES = ['roundhouse.', 'acestream.', 'host.'] as const

/** Whether a label is ours to set, today or in a version to come: neither a caller's nor the one that names the installation is. */
export const isReservedLabel = (key: string): boolean =>
  RESERVED_PREFIXES.some((prefix) => key.startsWith(prefix))
