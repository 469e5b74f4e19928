import type { EventMessage } from './docker-answers.ts'
import type { ContainerEvent } from './runtime.ts'

/** The actions that `Runtime.events` reports. */
export const ACTIONS = ['create', 'start', 'die', 'destroy', 'pause', 'unpause'] as const

/**
 * The actions that `Runtime.watch` reports. Docker sends `health_status: healthy`, but its filter takes the name without the
 * verdict.
 */
export const CHANGES = [...ACTIONS, 'rename', 'health_status'] as const

/** The attributes of Docker's event messages that are not labels. Docker puts both into one map. */
const OWN_ATTRIBUTES = new Set(['name', 'image', 'exitCode', 'signal', 'execDuration'])

/**
 * Converts one message of Docker's event stream to our event. Returns null if the message is about no container or about
 * another action.
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
    // Nanoseconds exceed what a number holds exactly, but the milliseconds in them stay exact.
    atMs: timeNano ? Math.floor(timeNano / 1e6) : (time ?? 0) * 1000,
  }
}

/**
 * Whether a message is about the container of exactly this name. Docker's own filter accepts every name that begins with it
 * (20.10, measured). After a renaming the message has the new name.
 */
export const isAbout = ({ Actor }: EventMessage, name: string): boolean => Actor.Attributes?.name === name
