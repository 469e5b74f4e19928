import type { Warning } from '../reporting/warnings.ts'
import { type Engine, isLive } from '../types.ts'

/**
 * A container that carries our label. `installation` is the id of the installation that made it; null if it carries none.
 */
export interface Labelled {
  readonly containerId: string
  readonly installation: string | null
}

/**
 * Whether a container belongs to another installation: it carries another id than ours, and no live engine of ours has this
 * container. A container without an id is ours: it was made before installations had ids, or by the earlier orchestrator.
 */
export function isOfOthers(
  { containerId, installation }: Labelled,
  ours: string,
  engine: Pick<Engine, 'status' | 'containerId'> | null,
): boolean {
  if (installation === null || installation === ours) return false
  return engine === null || !isLive(engine) || engine.containerId !== containerId
}

/** Limits for the names and ids in a message: labels on containers can have any length and number. */
const TOLD_MAX = 5
const ID_LENGTH_MAX = 36

/** The warning about containers that carry our label and belong to other installations; null if there are none. */
export function othersWarning(
  others: readonly { readonly name: string; readonly installation: string }[],
): Warning | null {
  if (others.length === 0) return null
  const names = listed(others.map(({ name }) => name))
  const what = others.length === 1 ? '1 container' : `${others.length} containers`
  return {
    message: `${what} of another installation with our CONTAINER_LABEL, left alone: ${names} (${idsOf(others)})`,
    remedy:
      'give one of the two a CONTAINER_LABEL of its own; if the other is no more, remove its containers with docker rm -f',
  }
}

/** The ids of the installations of these containers, each once, as text for a message. */
export const idsOf = (others: readonly { readonly installation: string }[]): string =>
  listed([...new Set(others.map(({ installation }) => installation.slice(0, ID_LENGTH_MAX)))])

const listed = (texts: readonly string[]): string =>
  texts.length <= TOLD_MAX
    ? texts.join(', ')
    : `${texts.slice(0, TOLD_MAX).join(', ')} and ${texts.length - TOLD_MAX} more`
