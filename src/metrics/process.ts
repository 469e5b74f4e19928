import { Counter, collectDefaultMetrics, Registry } from 'prom-client'

/**
 * Of prom-client's figures of the process, those that are true under Bun 1.4.5. The heap's are not (`process_heap_bytes` is
 * reserved address space, the heap's total is less than what is used of it, 200 MB of buffers are not in the external
 * memory), V8's heap spaces, active handles and collections are empty, and the distribution of the event loop's lag is
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

/** The distribution of the lag is left out, so it is hardly ever measured. */
const HARDLY_EVER_MS = 60_000

/** How often each worker was started again, by its name. */
export type WorkerRestarts = () => Readonly<Record<string, number>>

/** Adds what there is one of in a process, however many applications it holds: once per process. */
export function addProcessMetrics(registry: Registry, restarts: WorkerRestarts): void {
  const all = new Registry()
  collectDefaultMetrics({ register: all, eventLoopMonitoringPrecision: HARDLY_EVER_MS })
  for (const name of TRUE_UNDER_BUN) {
    const metric = all.getSingleMetric(name)
    // Some are only there on Linux.
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
