import { pino } from 'pino'
import { Counter, Gauge, Registry } from 'prom-client'

/** The figures that are counted where things happen; all others are computed at the scrape. */
export interface Counters {
  eventStarted(): void
  eventEnded(): void
  provisioned(kind: 'acestream' | 'generic'): void
}

/** What the scrape asks the application. */
export interface Gauges {
  streamsActive(): number
  enginesByStatus(): Readonly<Record<string, number>>
  enginesByHealth(): Readonly<Record<string, number>>
}

/** A logger of JSON lines on standard output, without transports: those do not run in a compiled binary. */
export const createLog = (level: string) =>
  pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })

/** The counters of one process and their registry; the names are the earlier orchestrator's where it had them. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  const started = new Counter({
    name: 'orch_events_started_total',
    help: 'stream_started events received.',
    registers,
  })
  const ended = new Counter({
    name: 'orch_events_ended_total',
    help: 'stream_ended events received.',
    registers,
  })
  const provisions = new Counter({
    name: 'orch_provision_total',
    help: 'Containers started for callers, by kind.',
    labelNames: ['kind'],
    registers,
  })
  const counters: Counters = {
    eventStarted: () => started.inc(),
    eventEnded: () => ended.inc(),
    provisioned: (kind) => provisions.inc({ kind }),
  }
  return { registry, counters }
}

/** Adds the gauges, which ask for their values at each scrape and so can't drift. */
export function addGauges(registry: Registry, gauges: Gauges): void {
  const registers = [registry]
  new Gauge({
    name: 'orch_streams_active',
    help: 'Streams that are started now.',
    registers,
    collect() {
      this.set(gauges.streamsActive())
    },
  })
  byLabel(registry, 'status', 'Engines by status.', () => gauges.enginesByStatus())
  byLabel(registry, 'health', 'Running engines by verdict.', () => gauges.enginesByHealth())
}

function byLabel(
  registry: Registry,
  label: 'status' | 'health',
  help: string,
  values: () => Readonly<Record<string, number>>,
): void {
  new Gauge({
    name: label === 'status' ? 'orch_engines' : 'orch_engines_health',
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset()
      for (const [value, count] of Object.entries(values())) this.set({ [label]: value }, count)
    },
  })
}
