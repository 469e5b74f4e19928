import { Counter, Histogram, type Registry } from 'prom-client'
import type { Action } from '../core/plan/fleet-snapshot.ts'
import { REFUSAL_CODES, type RefusalCode } from '../core/provisioning/refusal.ts'
import { END_CLASSES, type EndClass } from '../core/streams/end-reasons.ts'

/** The metrics that are counted when something happens. All others are computed at the scrape. */
export interface Counters {
  readonly eventStarted: () => void
  readonly eventEnded: () => void
  /** An event was refused because of its key. */
  readonly eventRefused: (status: 401 | 403) => void
  readonly provisioned: (kind: 'acestream' | 'generic') => void
  /** A caller was refused, or a start that no caller waited for has failed. */
  readonly provisionFailed: (code: RefusalCode) => void
  /** A start that this process began has ended after `tookMs` milliseconds. */
  readonly startEnded: (result: 'ok' | 'failed', tookMs: number) => void
  /** A started stream has ended. */
  readonly streamEnded: (end: EndClass) => void
  /** Requests for the statistics of started streams that got no answer, or an invalid one. */
  readonly collectorFailed: (count: number) => void
  /** Streams that were ended because their engine did not know the session any more. */
  readonly streamsLost: (count: number) => void
  readonly planned: () => void
  readonly fullPass: () => void
  /** An action of the plan was carried out, or a repair was begun. */
  readonly acted: (action: Pick<Action, 'type' | 'rule'>) => void
}

/** Most starts take some tenths of a second. A caller waits for at most 2.5 s. */
const START_BUCKETS_S = [0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 5, 10, 30, 60]

/**
 * Makes the counters, which begin at zero at every start of the process. A metric that the earlier orchestrator had keeps
 * its name. `onCount` is called after each count.
 */
export function createCounters(registry: Registry, onCount: () => void): Counters {
  const told =
    <Args extends unknown[]>(count: (...args: Args) => void) =>
    (...args: Args): void => {
      count(...args)
      onCount()
    }
  const counters = countersIn(registry)
  return {
    eventStarted: told(counters.eventStarted),
    eventEnded: told(counters.eventEnded),
    eventRefused: told(counters.eventRefused),
    provisioned: told(counters.provisioned),
    provisionFailed: told(counters.provisionFailed),
    startEnded: told(counters.startEnded),
    streamEnded: told(counters.streamEnded),
    collectorFailed: told(counters.collectorFailed),
    streamsLost: told(counters.streamsLost),
    planned: told(counters.planned),
    fullPass: told(counters.fullPass),
    acted: told(counters.acted),
  }
}

function countersIn(registry: Registry): Counters {
  const plain = (name: string, help: string) => new Counter({ name, help, registers: [registry] })
  const started = plain('orch_events_started_total', 'stream_started events received.')
  const ended = plain('orch_events_ended_total', 'stream_ended events received.')
  const unanswered = plain(
    'orch_collector_errors_total',
    'Questions about the statistics of a started stream that got no answer, or a bad one.',
  )
  const lost = plain(
    'orch_stale_streams_detected_total',
    'Streams ended since their engine did not know the session any more.',
  )
  const plans = plain('roundhouse_reconcile_passes_total', 'Plans made and carried out.')
  const passes = plain('roundhouse_full_passes_total', 'Full looks at all containers that succeeded.')
  return {
    eventStarted: () => started.inc(),
    eventEnded: () => ended.inc(),
    collectorFailed: (count) => unanswered.inc(count),
    streamsLost: (count) => lost.inc(count),
    planned: () => plans.inc(),
    fullPass: () => passes.inc(),
    ...startCounters(registry),
    acted: actionCounter(registry),
    streamEnded: endCounter(registry),
    eventRefused: refusalCounter(registry),
  }
}

function refusalCounter(registry: Registry): Counters['eventRefused'] {
  const refusals = new Counter({
    name: 'roundhouse_events_refused_total',
    help: 'Events of streams refused for their key: 401 without one, 403 with a wrong one. Their streams are not booked.',
    labelNames: ['status'],
    registers: [registry],
  })
  for (const status of [401, 403]) refusals.inc({ status: String(status) }, 0)
  return (status) => refusals.inc({ status: String(status) })
}

function startCounters(registry: Registry): Pick<Counters, 'provisioned' | 'provisionFailed' | 'startEnded'> {
  const registers = [registry]
  const provisions = new Counter({
    name: 'orch_provision_total',
    help: 'Provisions that were answered with a container, by kind.',
    labelNames: ['kind'],
    registers,
  })
  const failures = new Counter({
    name: 'roundhouse_provision_failures_total',
    help: 'Provisions refused or failed, by the code of the problem: answers to callers, and starts nobody waited for.',
    labelNames: ['code'],
    registers,
  })
  const durations = new Histogram({
    name: 'roundhouse_provision_duration_seconds',
    help: 'Seconds from the row of an engine to its running container, or to the failure.',
    labelNames: ['result'],
    buckets: START_BUCKETS_S,
    registers,
  })
  // Every series exists from the start: rate() and increase() do not see the first event of a series that begins with it.
  for (const kind of ['acestream', 'generic']) provisions.inc({ kind }, 0)
  for (const code of REFUSAL_CODES) failures.inc({ code }, 0)
  for (const result of ['ok', 'failed']) durations.zero({ result })
  return {
    provisioned: (kind) => provisions.inc({ kind }),
    provisionFailed: (code) => failures.inc({ code }),
    startEnded: (result, tookMs) => durations.observe({ result }, tookMs / 1000),
  }
}

function endCounter(registry: Registry): Counters['streamEnded'] {
  const ends = new Counter({
    name: 'roundhouse_streams_ended_total',
    help: 'Streams that were started and have ended, by reason; `other` is any text of a proxy that is not known.',
    labelNames: ['reason'],
    registers: [registry],
  })
  for (const reason of END_CLASSES) ends.inc({ reason }, 0)
  return (reason) => ends.inc({ reason })
}

function actionCounter(registry: Registry): Counters['acted'] {
  const actions = new Counter({
    name: 'roundhouse_actions_total',
    help: 'Steps of the plan that were done, and repairs that were begun, by the rule that asked for them.',
    labelNames: ['action', 'rule'],
    registers: [registry],
  })
  return ({ type, rule }) => actions.inc({ action: type, rule })
}
