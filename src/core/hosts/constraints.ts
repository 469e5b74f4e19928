/** A condition that a host has to meet, in the notation of Docker Swarm. */
export interface Constraint {
  /** Such as `node.role` or `node.labels.zone`. */
  readonly attribute: string
  readonly isEqual: boolean
  readonly value: string
}

/** The part of a host that conditions are about. */
export interface HostTraits {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly labels: Readonly<Record<string, string>>
  readonly os: string
  readonly architecture: string
}

const LABEL = 'node.labels.'

/** The attributes beside labels, each with its value. */
const ATTRIBUTES: Readonly<Record<string, (host: HostTraits) => string>> = {
  'node.id': ({ id }) => id,
  'node.hostname': ({ name }) => name,
  'node.role': ({ role }) => role,
  'node.platform.os': ({ os }) => os,
  'node.platform.arch': ({ architecture }) => architecture,
}

/** The attributes that a condition may name, for messages. */
export const CONSTRAINT_ATTRIBUTES: readonly string[] = [...Object.keys(ATTRIBUTES), `${LABEL}<name>`]

/** Reads `attribute==value` or `attribute!=value`. Null if it is neither, or if the attribute is none that we know. */
export function constraintIn(text: string): Constraint | null {
  const [, attribute = '', operator, value = ''] =
    /^\s*([^=!\s]+)\s*(==|!=)\s*(\S(?:.*\S)?)\s*$/.exec(text) ?? []
  const isKnown = Object.hasOwn(ATTRIBUTES, attribute) || attribute.length > LABEL.length
  if (operator === undefined || !isKnown) return null
  if (!Object.hasOwn(ATTRIBUTES, attribute) && !attribute.startsWith(LABEL)) return null
  return { attribute, isEqual: operator === '==', value }
}

/** Whether a host meets all conditions. A label that a host does not have is empty; case counts for nothing, as in Swarm. */
export const meets = (host: HostTraits, constraints: readonly Constraint[]): boolean =>
  constraints.every(
    ({ attribute, isEqual, value }) => (plain(traitOf(host, attribute)) === plain(value)) === isEqual,
  )

/** The kernel's names of architectures, which Docker shows for nodes, and Go's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm' }

function plain(text: string): string {
  const small = text.toLowerCase()
  return Object.hasOwn(ARCHITECTURES, small) ? (ARCHITECTURES[small] ?? small) : small
}

/** A look by the name alone would find what every object has, such as `toString`. */
function traitOf(host: HostTraits, attribute: string): string {
  if (Object.hasOwn(ATTRIBUTES, attribute)) return ATTRIBUTES[attribute]?.(host) ?? ''
  const label = attribute.slice(LABEL.length)
  return Object.hasOwn(host.labels, label) ? (host.labels[label] ?? '') : ''
}

/** The condition in the notation of Docker Swarm. */
export const inWords = ({ attribute, isEqual, value }: Constraint): string =>
  `${attribute}${isEqual ? '==' : '!='}${value}`
