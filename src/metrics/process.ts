import { Counter, collectDefaultMetrics, Registry } from 'prom-client'

/**
 * The process metrics of prom-client that are correct under Bun 1.4.5. The heap metrics are not: `process_heap_bytes` is
 * reserved address space, the total heap is less than the used heap, and 200 MB of buffers are missing from the external
 * memory. V8's heap spaces, active handles and garbage collections are empty. The distribution of the event loop's lag is
 * reset by each reader, to NaN and 292 years.
 */
const TRUE_UNDER_BUN = [
  'process_cpu_user_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_virtual_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_eventloop_lag_seconds',
]

/**
 * The interval for measuring the distribution of the lag. That metric is left out, so it is measured as seldom as possible.
 */
const HARDLY_EVER_MS = 60_000

/** How often each worker was restarted, by its name. */
export type WorkerRestarts = () => Readonly<Record<string, number>>

/** Adds the metrics of the process. To be called once per process, even if the process holds several applications. */
export function addProcessMetrics(registry: Registry, restarts: WorkerRestarts): void {
  const all = new Registry()
  collectDefaultMetrics({ register: all, eventLoopMonitoringPrecision: HARDLY_EVER_MS })
  for (const name of TRUE_UNDER_BUN) {
    const metric = all.getSingleMetric(name)
    // Some of these metrics exist only on Linux.
    if (metric !== undefined) registry.registerMetric(metric)
  }
  new Counter({
    name: 'roundhouse_worker_restarts_total',
    help: 'Workers that were started again after they had died or fallen silent.',
    labelNames: ['worker'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [worker, count] of Object.entries(restarts())) this.inc({ worker }, count)
    },
  })
}
