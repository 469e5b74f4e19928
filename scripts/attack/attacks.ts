import { gzipBombs, hugeAnswers } from './answers.ts'
import { largeBodies, nestedBodies } from './bodies.ts'
import { idleConnections, manyClients, silentReaders, slowClients } from './crowds.ts'
import { malformedHosts, wrongKeys } from './doors.ts'
import { longEvents, tiedEvents } from './events.ts'
import type { Attack } from './target.ts'

/** One attack and its parameters. */
export interface PlannedAttack {
  readonly run: Attack
  readonly seconds: number
  /** The container's limit of file descriptors; if missing, Docker's default. */
  readonly descriptors?: number
  /** The highest accepted p99 of acexy's reads, in milliseconds; if missing, 50. */
  readonly p99Ms?: number
}

/** Does not attack. This shows how much the machine itself delays the answers. */
const nobody: Attack = async ({ seconds }) => {
  await Bun.sleep(seconds * 1_000)
  return { notes: ['nobody attacks'], complaints: [] }
}

/** All attacks by name, in the order in which they run. */
export const ATTACKS: ReadonlyMap<string, PlannedAttack> = new Map<string, PlannedAttack>([
  ['calm', { run: nobody, seconds: 10 }],
  ['nested', { run: nestedBodies, seconds: 15 }],
  ['bodies', { run: largeBodies, seconds: 15 }],
  ['hosts', { run: malformedHosts, seconds: 10 }],
  ['keys', { run: wrongKeys, seconds: 10 }],
  ['huge', { run: hugeAnswers, seconds: 20 }],
  ['gzip', { run: gzipBombs, seconds: 20 }],
  ['clients', { run: manyClients, seconds: 15 }],
  ['slow', { run: slowClients, seconds: 20 }],
  ['silent', { run: silentReaders, seconds: 20 }],
  ['events', { run: longEvents, seconds: 60 }],
  // Only starts, each as long as possible: a read waits for the commits of four of them, of 4 ms each, and now and then for
  // a step that deletes as much.
  ['tied', { run: tiedEvents, seconds: 30, p99Ms: 100 }],
  ['idle', { run: idleConnections, seconds: 30, descriptors: 256 }],
])
