/** A container label. */
export interface Label {
  readonly key: string
  readonly value: string
}

/** Prefixes of container labels with a special meaning: our own, and those of the earlier orchestrator. */
export const RESERVED_PREFIXES = ['roundhouse.', 'acestream.', 'host.'] as const

/**
 * Whether a label key is reserved for us, now or in later versions. Neither a caller's label nor CONTAINER_LABEL may use it.
 */
export const isReservedLabel = (key: string): boolean =>
  RESERVED_PREFIXES.some((prefix) => key.startsWith(prefix))
