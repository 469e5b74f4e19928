import type { EventMessage } from './docker-answers.ts'
import type { ContainerEvent } from './runtime.ts'

/** The actions that `Runtime.events` tells. */
export const ACTIONS = ['create', 'start', 'die', 'destroy', 'pause', 'unpause'] as const

/** The actions that `Runtime.watch` tells. Docker says `health_status: healthy`, and is asked without the verdict. */
export const CHANGES = [...ACTIONS, 'rename', 'health_status'] as const

/** What a message of Docker's event stream carries beside the labels, all in one map. */
const OWN_ATTRIBUTES = new Set(['name', 'image', 'exitCode', 'signal', 'execDuration'])

/**
 * One message of Docker's event stream as our event; null when it is of no container or of no action of ours.
 */
export function toContainerEvent({ Action, Actor, time, timeNano }: EventMessage): ContainerEvent | null {
  const action = ACTIONS.find((known) => known === Action)
  if (!action || Actor.ID === undefined) return null
  const attributes = Object.entries(Actor.Attributes ?? {})
  return {
    action,
    id: Actor.ID,
    name: Actor.Attributes?.name ?? '',
    labels: Object.fromEntries(attributes.filter(([key]) => !OWN_ATTRIBUTES.has(key))),
    // Nanoseconds exceed what a number holds exactly, but not in the milliseconds.
    atMs: timeNano ? Math.floor(timeNano / 1e6) : (time ?? 0) * 1000,
  }
}

/**
 * Whether a message is about the container of exactly this name. Docker's own filter takes every name that begins with it
 * (20.10, measured); after a renaming the message has the new name.
 */
export const isAbout = ({ Actor }: EventMessage, name: string): boolean => Actor.Attributes?.name === name
