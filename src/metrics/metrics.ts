import { Gauge, Registry } from 'prom-client'
import { type Counters, createCounters } from './counters.ts'
import type { Figures } from './figures.ts'
import { createGauges } from './gauges.ts'
import { createLabelledGauges } from './labelled-gauges.ts'
import { addProcessMetrics, type WorkerRestarts } from './process.ts'

/** All metrics of one application for Prometheus. */
export interface Metrics {
  readonly counters: Counters
  /** Grows with everything that is counted. */
  version(): number
  /** Adds the metrics of the process. To be called once per process. */
  addProcess(restarts: WorkerRestarts): void
  /** Renders the exposition. All gauges show the figures of the same moment. */
  exposition(figures: Figures): Promise<string>
}

/** Makes the metrics of one application. Counters begin at zero. */
export function createMetrics(version: string): Metrics {
  const registry = new Registry()
  new Gauge({
    name: 'roundhouse_build_info',
    help: 'The version that runs; always 1.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1)
  let counts = 0
  const counters = createCounters(registry, () => {
    counts++
  })
  const setters = [createGauges(registry), ...createLabelledGauges(registry)]
  return {
    counters,
    version: () => counts,
    addProcess: (restarts) => addProcessMetrics(registry, restarts),
    exposition: (figures) => {
      for (const set of setters) set(figures)
      return registry.metrics()
    },
  }
}
