import { endClassOf, endInWords, isCut } from '../../core/streams/end-reasons.ts'
import type { JournalEntry } from '../api/types.ts'
import { HOUR_MS } from './cuts.ts'
import type { Tone } from './verdict.ts'

/** What a kind of entry means for people. Kinds that are not here are no news by themselves. */
interface Meaning {
  readonly tone: Tone
  readonly words: string
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  'provision.failed': { tone: 'bad', words: 'could not be started' },
  'engine.ready': { tone: 'ok', words: 'is ready' },
  'engine.adopted': { tone: 'ok', words: 'was found running, and is ours now' },
  'engine.draining': { tone: 'busy', words: 'is on its way out' },
  'engine.replacing': { tone: 'warn', words: 'is being replaced' },
  'engine.restarting': { tone: 'warn', words: 'is restarted' },
  'engine.recreating': { tone: 'warn', words: 'is made anew' },
  'engine.outside_vpn': { tone: 'bad', words: 'is outside the VPN' },
  'engine.failed': { tone: 'bad', words: 'failed' },
  'engine.gone': { tone: 'busy', words: 'is gone' },
  'stream.failed': { tone: 'warn', words: 'could not start a stream' },
  'fleet.scaled': { tone: 'ok', words: 'the number of engines was set' },
  'fleet.scale_undone': { tone: 'ok', words: 'the number of engines is that of the settings again' },
  'fleet.taken_over': { tone: 'ok', words: 'engines of an earlier installation were taken over' },
  'image.pulled': { tone: 'ok', words: 'the image was pulled' },
  'image.pull_failed': { tone: 'bad', words: 'the image could not be pulled' },
  'breaker.opened': { tone: 'bad', words: 'starts are refused: too many failed' },
  'breaker.closed': { tone: 'ok', words: 'starts are allowed again' },
  'vpn.up': { tone: 'ok', words: 'the VPN is up' },
  'vpn.down': { tone: 'bad', words: 'the VPN is down' },
  'vpn.reconnected': { tone: 'warn', words: 'the VPN was reconnected' },
  'vpn.port_changed': { tone: 'busy', words: 'the forwarded port changed' },
  'storage.recovered': { tone: 'ok', words: 'the database takes writes again' },
}

/** A change, with how often it happened in a row. */
export interface Change {
  readonly entry: JournalEntry
  readonly times: number
  readonly tone: Tone
  readonly words: string
}

/** The changes of the last hour that an operator wants to know of, newest first; equal ones in a row are one. */
export function changesOf(journal: readonly JournalEntry[], nowMs: number): readonly Change[] {
  const changes: Change[] = []
  for (const entry of journal) {
    if (nowMs - Date.parse(entry.at) >= HOUR_MS) break
    const meaning = MEANINGS[entry.kind]
    if (meaning === undefined) continue
    const last = changes.at(-1)
    const isSame = last?.entry.kind === entry.kind && last.entry.container_name === entry.container_name
    if (isSame) changes[changes.length - 1] = { ...last, times: last.times + 1 }
    else changes.push({ entry, times: 1, ...meaning })
  }
  return changes
}

/** An entry in words: whose it is, what happened, and why. */
export const entryInWords = (entry: JournalEntry): string =>
  entry.container_name === null ? happening(entry) : `${entry.container_name} ${happening(entry)}`

/** What happened, and why. */
export function happening({ kind, detail }: JournalEntry): string {
  const known = reasonOf(detail)
  const reason = known === null ? '' : `: ${kind === 'stream.ended' ? endInWords(known) : known}`
  return `${kindInWords(kind)}${reason}`
}

const kindInWords = (kind: string): string => MEANINGS[kind]?.words ?? kind.replaceAll(/[._]/g, ' ')

/** How bad an entry is; null if it is no news by itself. */
export function toneOf({ kind, detail }: JournalEntry): Tone | null {
  if (kind === 'stream.ended') return isCut(endClassOf(reasonOf(detail) ?? '')) ? 'bad' : null
  return MEANINGS[kind]?.tone ?? null
}

const reasonOf = ({ reason }: JournalEntry['detail']): string | null =>
  typeof reason === 'string' ? reason : null
