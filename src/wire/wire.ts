import type { Config } from '../config/config.ts'
import { TurnedAway } from '../control/reporting/turned-away.ts'
import { createApp } from '../http/app.ts'
import { createMetrics, type Metrics } from '../metrics/metrics.ts'
import { answersOf } from './answers.ts'
import { type Adapters, baseOf } from './base.ts'
import { loopsOf } from './loops.ts'
import { createServices, createTranslate } from './services.ts'
import { HISTORY, type History, requestLimitsOf } from './settings.ts'
import { feedOf, figuresOf, viewsOf } from './views.ts'
import { workOf } from './work.ts'

/** The parts of the application that other code needs; they are connected but not started. */
export interface Orchestrator {
  readonly app: ReturnType<typeof createApp>
  readonly metrics: Metrics
  /** Starts to watch Docker and to probe engines. Before that, the state in SQLite is already served. */
  start(): void
  /** Ends the answers that have no end of their own, because they would delay the end of the server. */
  hangUp(): void
  /** Ends all loops. Engines keep running, and the next start settles the launches that were running. */
  stop(): Promise<void>
}

/** Builds the application around its adapters. This is the composition root. */
export function createOrchestrator(
  config: Config,
  adapters: Adapters,
  history: History = HISTORY,
): Orchestrator {
  const { store, clock, log, version, panel } = adapters
  const metrics = createMetrics(version)
  const { counters } = metrics
  const base = baseOf(config, adapters, { counters, history })
  const work = workOf(config, adapters, base)
  const views = viewsOf(config, adapters, base, work)
  const feed = feedOf(adapters, base, views)
  const figures = figuresOf(adapters, base, work, views)
  const answers = answersOf(adapters, base, views, metrics, async () => {
    base.ends.catchUp()
    return new Blob([await metrics.exposition(figures.take())])
  })
  const services = createServices({
    ...work,
    ...views,
    proxies: base.proxies,
    store,
    feed,
    facts: base.facts,
    template: base.template,
    refusedEvents: base.refusedEvents,
    requestLog: base.requestLog,
    story: base.story,
    requestLimits: requestLimitsOf(config, { isKeyed: config.API_KEY.length > 0 }),
    counters,
    answers,
  })
  const translate = createTranslate(config)
  const turnedAway = new TurnedAway({ clock, log })
  return {
    app: createApp(services, {
      apiKeys: config.API_KEY,
      areReadsProtected: config.API_KEY_PROTECT_READS,
      sleep: (ms, signal) => clock.sleep(ms, signal),
      hosts: [...config.ALLOWED_HOSTS, config.ADVERTISE_HOST, config.BIND],
      version,
      panel,
      onTurnedAway: ({ code, message }, { method }) => turnedAway.tell({ code, message, method }),
      onAnswered: (answered) => base.requestLog.answered(answered),
      tellsReads: config.LOG_LEVEL === 'debug' || config.LOG_LEVEL === 'trace',
      onRefused: (refused) => base.requestLog.refused(refused),
      now: () => clock.now(),
      idPrefix: clock.now().toString(36),
      translate: (error) => {
        // If the error is a failure of the storage, this begins an outage, so that the next requests read the copy in
        // memory.
        store.failed(error)
        return translate(error)
      },
      onDefect: (error, request, id) =>
        log.error(
          { err: error, method: request?.method, url: request?.url, request: id },
          'a request failed',
        ),
    }),
    metrics,
    ...loopsOf(adapters, base, work, feed),
  }
}
