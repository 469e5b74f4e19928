import type { EventMessage } from './docker-answers.ts'
import type { ContainerEvent } from './runtime.ts'

/** The actions that `Runtime.events` reports. */
const ACTIONS = ['create', 'start', 'die', 'destroy', 'pause', 'unpause'] as const

/** Podman's words for two of them. Its filter takes only `died`, whichever of the two words it then sends. */
const PODMANS: Readonly<Record<string, (typeof ACTIONS)[number]>> = { died: 'die', remove: 'destroy' }

/** What to ask Docker and Podman for, so that they send every action that `Runtime.events` reports. */
export const EVENT_FILTER = [...ACTIONS, ...Object.keys(PODMANS)]

/**
 * The same for `Runtime.watch`. Docker sends `health_status: healthy`, but its filter takes the name without the verdict.
 */
export const WATCH_FILTER = [...EVENT_FILTER, 'rename', 'health_status']

/** The attributes of Docker's event messages that are not labels. Docker puts both into one map. */
const OWN_ATTRIBUTES = new Set([
  ...['name', 'image', 'exitCode', 'signal', 'execDuration'],
  ...['containerExitCode', 'podId'],
])

/**
 * Converts one message of Docker's event stream to our event. Returns null if the message is about no container or about
 * another action.
 */
export function toContainerEvent({ Action, Actor, time, timeNano }: EventMessage): ContainerEvent | null {
  const action = ACTIONS.find((known) => known === (PODMANS[Action] ?? Action))
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
