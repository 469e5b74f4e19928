import { Gauge, Registry } from 'prom-client'
import { type Counters, createCounters } from './counters.ts'
import type { Figures } from './figures.ts'
import { createGauges } from './gauges.ts'
import { createLabelledGauges } from './labelled-gauges.ts'
import { addProcessMetrics, type WorkerRestarts } from './process.ts'

/** All that Prometheus is told by one application. */
export interface Metrics {
  readonly counters: Counters
  /** Adds what there is one of in a process: to be called once, by the process. */
  addProcess(restarts: WorkerRestarts): void
  /** The exposition with the figures of one moment, which every series then agrees on. */
  exposition(figures: Figures): Promise<string>
}

/** Makes the metrics of one application; counters begin at zero. */
export function createMetrics(version: string): Metrics {
  const registry = new Registry()
  new Gauge({
    name: 'roundhouse_build_info',
    help: 'The version that runs; always 1.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1)
  const counters = createCounters(registry)
  const setters = [createGauges(registry), ...createLabelledGauges(registry)]
  return {
    counters,
    addProcess: (restarts) => addProcessMetrics(registry, restarts),
    exposition: (figures) => {
      for (const set of setters) set(figures)
      return registry.metrics()
    },
  }
}
