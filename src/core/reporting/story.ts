import { endInWords } from '../streams/end-reasons.ts'

/** What a line needs to know of a journal entry. */
export interface StoryEntry {
  readonly kind: string
  /** The container's name of its engine; null if the entry has no engine. */
  readonly containerName: string | null
  readonly detail: Readonly<Record<string, unknown>>
}

/** What a line needs to know of the stream of an entry. */
export interface StoryStream {
  readonly key: string
  readonly startedAt: number
  readonly endedAt: number | null
}

/** One line of the log: its sentence, and members beside the name of the engine. */
export interface StoryLine {
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

type Told = (entry: StoryEntry, stream: StoryStream | null) => string

const streamOn = ({ containerName }: StoryEntry): string => `on ${containerName ?? 'no engine of ours'}`
const reasonOf = ({ detail }: StoryEntry): string => shortened(String(detail.reason ?? 'no reason is known'))
const named = ({ containerName }: StoryEntry): string => containerName ?? 'an engine'

/**
 * The entries that nothing but this tells, each in words. What the plan does and what happens to containers is told where it
 * is done.
 */
const TOLD: Readonly<Record<string, Told>> = {
  'stream.started': (entry) => `stream started ${streamOn(entry)}`,
  'stream.failed': (entry) => `stream could not start ${streamOn(entry)}`,
  'stream.ended': (entry, stream) =>
    `stream ended ${streamOn(entry)}${lastingOf(stream)}: ${endInWords(reasonOf(entry))}`,
  'provision.started': (entry) => `${named(entry)} is being started for a caller`,
  'engine.handed_out': (entry) => `${named(entry)}, which was there already, is given to a caller`,
  'engine.unclaimed': (entry) => `the caller of ${named(entry)} gave up before the answer`,
  'engine.spare': (entry) => `${named(entry)} was asked for by nobody else, and is a spare now`,
  'engine.renamed': (entry) => `an engine is called ${named(entry)} now`,
  'engine.draining': (entry) => `${named(entry)} is drained: ${reasonOf(entry)}`,
  'engine.removal_requested': (entry) => `${named(entry)} is removed: an operator asked for it`,
  'fleet.scaled': ({ detail }) =>
    `${detail.replicas === 1 ? '1 engine is' : `${detail.replicas} engines are`} kept from now on: an operator asked for it`,
  'fleet.scale_undone': (entry) => `MIN_REPLICAS=${entry.detail.replicas} holds again: ${reasonOf(entry)}`,
  'breaker.opened': ({ detail }) =>
    `the circuit breaker ${detail.name} opened after ${detail.failures} failed starts`,
  'breaker.closed': (entry) => `the circuit breaker ${entry.detail.name} closed: ${reasonOf(entry)}`,
}

/** The kinds of journal entries that become lines. */
export const STORY_KINDS: ReadonlySet<string> = new Set(Object.keys(TOLD))

/** Puts an entry into words; null if it is told elsewhere. `stream` is the newest of the entry's id, if it has one. */
export function storyLine(entry: StoryEntry, stream: StoryStream | null): StoryLine | null {
  const told = TOLD[entry.kind]
  // An entry with a rule is an action of the plan.
  if (told === undefined || 'rule' in entry.detail || isOrder(entry)) return null
  const seconds = stream === null ? null : secondsOf(stream)
  const fields = {
    ...(entry.containerName === null ? {} : { name: entry.containerName }),
    ...(stream === null ? {} : { stream: shortKey(stream.key) }),
    ...(seconds === null || entry.kind !== 'stream.ended' ? {} : { seconds }),
  }
  return { message: told(entry, stream), fields }
}

/** A container that is no engine is told as the order that it is. */
const isOrder = ({ detail }: StoryEntry): boolean => detail.generic === true

const secondsOf = ({ startedAt, endedAt }: StoryStream): number | null =>
  endedAt === null ? null : Math.round((endedAt - startedAt) / 1_000)

function lastingOf(stream: StoryStream | null): string {
  const seconds = stream === null ? null : secondsOf(stream)
  return seconds === null ? '' : ` after ${duration(seconds)}`
}

/** A time in words, in its two largest units. */
function duration(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}

const KEY_MAX = 40
const REASON_MAX = 100

/** The key of a content, whole where it is an id. A key may also be an address of any length. */
const shortKey = (key: string): string =>
  key.length > KEY_MAX ? `${key.slice(0, KEY_MAX).toWellFormed()}…` : key

const shortened = (text: string): string =>
  text.length > REASON_MAX ? `${text.slice(0, REASON_MAX).toWellFormed()}…` : text
