import { Gauge, type Registry } from 'prom-client'
import type { Figures } from './figures.ts'

/** A gauge without labels. */
type Plain = readonly [name: string, help: string, value: (figures: Figures) => number | boolean]

/** Kilobytes in a megabyte. */
const MB = 1024

/** The gauges that keep the names of the earlier orchestrator. */
const EARLIER: readonly Plain[] = [
  ['orch_streams_active', 'Streams that are started now.', ({ streams }) => streams.started],
  [
    'orch_total_streams',
    'Streams that are started now; the same as orch_streams_active.',
    ({ streams }) => streams.started,
  ],
  [
    'orch_total_uploaded_bytes',
    'Bytes uploaded for the streams that are started now, by the newest sample of each.',
    ({ streams }) => streams.traffic.uploadedBytes,
  ],
  [
    'orch_total_downloaded_bytes',
    'Bytes downloaded for the streams that are started now, by the newest sample of each.',
    ({ streams }) => streams.traffic.downloadedBytes,
  ],
  [
    'orch_total_upload_speed_mbps',
    'Upload speed of the streams that are started now, in megabytes (1024 * 1024 bytes) per second.',
    ({ streams }) => streams.traffic.speedUp / MB,
  ],
  [
    'orch_total_download_speed_mbps',
    'Download speed of the streams that are started now, in megabytes (1024 * 1024 bytes) per second.',
    ({ streams }) => streams.traffic.speedDown / MB,
  ],
  [
    'orch_total_peers',
    'Peers of the streams that are started now, by the newest sample of each.',
    ({ streams }) => streams.traffic.peers,
  ],
  [
    'orch_healthy_engines',
    'Running engines that are healthy.',
    ({ engines }) => engines.byVerdict.get('healthy') ?? 0,
  ],
  [
    'orch_unhealthy_engines',
    'Running engines that are unhealthy.',
    ({ engines }) => engines.byVerdict.get('unhealthy') ?? 0,
  ],
  ['orch_used_engines', 'Engines with at least one started stream.', ({ engines }) => engines.used],
  [
    'orch_extra_engines',
    'Engines beyond the wanted minimum (MIN_REPLICAS, or what an operator scaled to).',
    ({ engines, fleet }) => Math.max(0, engines.live - fleet.minimum),
  ],
]

const CAPACITY: readonly Plain[] = [
  ['roundhouse_live_engines', 'Engines that count against MAX_REPLICAS.', ({ engines }) => engines.live],
  ['roundhouse_max_replicas', 'Most engines at a time (MAX_REPLICAS).', ({ fleet }) => fleet.maximum],
  ['roundhouse_min_replicas', 'MIN_REPLICAS, or what an operator scaled to.', ({ fleet }) => fleet.minimum],
  ['roundhouse_wanted_engines', 'Engines that are wanted now.', ({ fleet }) => fleet.wanted],
  ['roundhouse_serving_engines', 'Engines that count towards what is wanted.', ({ fleet }) => fleet.serving],
  ['roundhouse_free_engines', 'Serving engines without viewers.', ({ fleet }) => fleet.free],
  ['roundhouse_listed_engines', 'Engines that GET /engines lists.', ({ engines }) => engines.listed],
  [
    'roundhouse_engine_unhealthy_seconds',
    'How long the engine has been unhealthy that has been so longest; 0 when none is.',
    ({ engines }) => engines.unhealthySeconds,
  ],
  [
    'roundhouse_unhealthy_grace_seconds',
    'HEALTH_UNHEALTHY_GRACE_PERIOD_S: how long an unhealthy engine with viewers is kept.',
    ({ fleet }) => fleet.unhealthyGraceSeconds,
  ],
]

const USAGE: readonly Plain[] = [
  [
    'roundhouse_engines_cpu_cores',
    'Processor use of all engines together; 1 is a whole core.',
    ({ usage }) => usage.cores.sum,
  ],
  [
    'roundhouse_engine_cpu_cores_max',
    'Processor use of the engine that uses most; 1 is a whole core.',
    ({ usage }) => usage.cores.max,
  ],
  [
    'roundhouse_engines_memory_bytes',
    'Memory of all engines together, without files in memory that were not used lately.',
    ({ usage }) => usage.memoryBytes.sum,
  ],
  [
    'roundhouse_engine_memory_bytes_max',
    'Memory of the engine that occupies most.',
    ({ usage }) => usage.memoryBytes.max,
  ],
]

const STATE: readonly Plain[] = [
  [
    'roundhouse_can_provision',
    '1 when an engine could be provisioned now, as /orchestrator/status says.',
    ({ canProvision }) => canProvision,
  ],
  [
    'roundhouse_docker_reachable',
    '1 when Docker answered the last question.',
    ({ isDockerReachable }) => isDockerReachable,
  ],
  [
    'roundhouse_storage_writable',
    '1 while the database takes writes.',
    ({ isStorageWritable }) => isStorageWritable,
  ],
  [
    'roundhouse_ready',
    '1 when all engines have been found since the start, as /readyz says.',
    ({ isReady }) => isReady,
  ],
  [
    'roundhouse_streams_in_books',
    'Streams in the books, ended ones included.',
    ({ streams }) => streams.inBooks,
  ],
  ['roundhouse_journal_rows', 'Entries of the journal.', ({ database }) => database.journalRows],
  ['roundhouse_database_bytes', 'Size of the database without its log.', ({ database }) => database.bytes],
]

/** Makes the gauges without labels, and returns the function that sets them all to the figures of one moment. */
export function createGauges(registry: Registry): (figures: Figures) => void {
  const setters = [...EARLIER, ...CAPACITY, ...USAGE, ...STATE].map(([name, help, value]) => {
    const gauge = new Gauge({ name, help, registers: [registry] })
    return (figures: Figures) => gauge.set(Number(value(figures)))
  })
  return (figures) => {
    for (const set of setters) set(figures)
  }
}
