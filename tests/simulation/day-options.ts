import { HISTORY } from '../../src/wire/settings.ts'
import type { DayOptions } from './day.ts'

const MINUTE_MS = 60_000

/** Ordinary faults of a host with about twenty engines: the mean time between two faults of a kind. */
const TROUBLE: DayOptions['trouble'] = {
  engine_hangs: 20 * MINUTE_MS,
  engine_crashes: 15 * MINUTE_MS,
  engine_stalls: 5 * MINUTE_MS,
  docker_kill: 60 * MINUTE_MS,
  docker_rm: 60 * MINUTE_MS,
  docker_restart: 60 * MINUTE_MS,
  daemon_down: 120 * MINUTE_MS,
  events_broken: 60 * MINUTE_MS,
  worker_lost: 60 * MINUTE_MS,
  delete: 60 * MINUTE_MS,
  drain: 60 * MINUTE_MS,
  gc: 60 * MINUTE_MS,
  own_request: 10 * MINUTE_MS,
  look_at_plan: 10 * MINUTE_MS,
  compare_status: 10 * MINUTE_MS,
}

/** A day with the settings of an installation. */
export const FULL_DAY: DayOptions = {
  seed: 1,
  hours: 24,
  streams: 200,
  stayMs: 20 * MINUTE_MS,
  collectSeconds: 5,
  samplesPerStream: 720,
  history: HISTORY,
  trouble: TROUBLE,
  lookEveryMs: 60 * MINUTE_MS,
}

/** Two hours with bounds so low that they are reached. */
export const SHORT_DAY: DayOptions = {
  seed: 1,
  hours: 2,
  streams: 50,
  stayMs: 10 * MINUTE_MS,
  collectSeconds: 20,
  samplesPerStream: 40,
  history: {
    engines: { rows: 10, days: 30 },
    streams: { rows: 100, days: 30 },
    journal: { rows: 300, days: 30 },
    // Keys are deleted with their engines. A bound that is reached would break the promise of a key.
    idempotencyKeys: { rows: 50, days: 1 },
    samples: 1_200,
    bytes: HISTORY.bytes,
  },
  trouble: {
    ...TROUBLE,
    engine_crashes: 4 * MINUTE_MS,
    docker_rm: 5 * MINUTE_MS,
    own_request: MINUTE_MS,
  },
  lookEveryMs: 5 * MINUTE_MS,
}
