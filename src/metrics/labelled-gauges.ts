import { Gauge, type Registry } from 'prom-client'
import { WARNING_CODES } from '../core/reporting/warnings.ts'
import { LIVE_STATUSES } from '../core/types.ts'
import type { Figures } from './figures.ts'

/** One series: the values of its labels in order, and its figure. */
type Series = readonly [labels: readonly string[], value: number]

interface Labelled {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly series: (figures: Figures) => readonly Series[]
}

const VERDICTS = ['healthy', 'unhealthy', 'unknown'] as const
const VPN_STATES = ['healthy', 'unhealthy', 'unknown', 'disabled'] as const
const NODE_STATES = ['up', 'down', 'unknown'] as const
const BREAKER_STATES = ['closed', 'open', 'half_open'] as const
const BREAKERS = ['general', 'replacement'] as const

/** Every label value always has a series, even at 0, because an alert cannot rely on a series that comes and goes. */
const GAUGES: readonly Labelled[] = [
  {
    name: 'orch_engines',
    help: 'Engines by status.',
    labels: ['status'],
    series: ({ engines }) => LIVE_STATUSES.map((status) => [[status], engines.byStatus.get(status) ?? 0]),
  },
  {
    name: 'orch_engines_health',
    help: 'Running engines by verdict.',
    labels: ['health'],
    series: ({ engines }) => VERDICTS.map((verdict) => [[verdict], engines.byVerdict.get(verdict) ?? 0]),
  },
  {
    name: 'orch_vpn_health',
    help: 'The VPN: 1 for the state that it is in, that of its best node.',
    labels: ['state'],
    series: ({ vpn }) => oneOf(VPN_STATES, vpn.health),
  },
  {
    name: 'roundhouse_vpn_node_state',
    help: 'VPN nodes: 1 for the state that a node is in.',
    labels: ['node', 'state'],
    series: ({ vpn }) => vpn.nodes.flatMap(({ name, state }) => oneOf(NODE_STATES, state, name)),
  },
  {
    name: 'roundhouse_host_up',
    help: 'Nodes of the swarm: 1 for one that answers it.',
    labels: ['host'],
    series: ({ hosts }) => hosts.map(({ name, isUp }) => [[name], Number(isUp)]),
  },
  {
    name: 'roundhouse_host_engines',
    help: 'Engines by the node of the swarm that they are on.',
    labels: ['host'],
    series: ({ hosts }) => hosts.map(({ name, engines }) => [[name], engines]),
  },
  {
    name: 'roundhouse_breaker_state',
    help: 'Circuit breakers: 1 for the state that a breaker is in.',
    labels: ['breaker', 'state'],
    series: ({ breakers }) => BREAKERS.flatMap((name) => oneOf(BREAKER_STATES, breakers[name], name)),
  },
  {
    name: 'roundhouse_warning',
    help: 'What users should be told, as /orchestrator/status says: 1 for each warning in force.',
    labels: ['code'],
    series: ({ warnings }) => WARNING_CODES.map((code) => [[code], Number(warnings.has(code))]),
  },
]

/** Makes the gauges with labels, and returns for each the function that sets it to the figures of one moment. */
export const createLabelledGauges = (registry: Registry): readonly ((figures: Figures) => void)[] =>
  GAUGES.map(({ name, help, labels, series }) => {
    const gauge = new Gauge({ name, help, labelNames: labels, registers: [registry] })
    return (figures) => {
      gauge.reset()
      for (const [values, value] of series(figures)) gauge.labels(...values).set(value)
    }
  })

/**
 * Makes a series for each state. The series of the current state is 1, the others are 0. `before` are the labels in front of
 * the state.
 */
const oneOf = (states: readonly string[], present: string, ...before: readonly string[]): readonly Series[] =>
  states.map((state) => [[...before, state], Number(state === present)])
