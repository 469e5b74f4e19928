import { PLAN_RULES } from '../../src/core/plan/fleet-snapshot.ts'
import type { Verb } from '../support/memory-faults.ts'
import type { Coverage } from './coverage.ts'
import { CRASH_PHASES } from './crashes.ts'
import { faultNames } from './faults.ts'
import { AWAITS, CHECKPOINTS, SHARED_COMMITS } from './sites.ts'

/**
 * Lists everything that can happen and never did: each fault and each crash at each await on the container engine, each
 * checkpoint, each rule of the plan. `UNREACHED` names what can't happen, with the reason. Also lists awaits that the run
 * reached and no table has.
 */
export function zeroCells({ calls, faults, crashes, rules, counts }: Coverage): string[] {
  const cells = Object.keys(AWAITS).flatMap((site) => [
    ...faultNames(verbOf(site))
      .filter((fault) => faults[site]?.[fault] === undefined && !isUnreached(site, fault))
      .map((fault) => `fault ${fault} at ${site}`),
    ...CRASH_PHASES.filter((phase) => crashes[site]?.[phase] === undefined && !isUnreached(site, phase)).map(
      (phase) => `crash ${phase} at ${site}`,
    ),
  ])
  return [
    ...cells,
    ...[...CHECKPOINTS, ...SHARED_COMMITS]
      .filter((name) => crashes[`checkpoint ${name}`] === undefined)
      .map((name) => `crash at checkpoint ${name}`),
    ...PLAN_RULES.filter((rule) => rules[rule] === undefined).map((rule) => `rule ${rule} never fired`),
    ...COUNTED.filter((what) => counts[what] === undefined).map((what) => `${what}: never`),
    ...Object.keys(calls)
      .filter((site) => !(site in AWAITS))
      .map((site) => `await ${site} is not in the table`),
  ]
}

/** What must have been counted. */
const COUNTED = [
  'ended lost',
  'commits of several reports',
  'stream ended: session_unknown',
  'stream ended: stopped_by_operator',
  'operator DELETE /streams/:id 404',
  'session of a stopped stream: stopped',
  'session of a stopped stream: unknown',
  'session of a stopped stream: silent',
  'session of a stopped stream: none',
  'streams paged',
  'viewers without a proxy',
  'events refused: 401',
  'events refused: 403',
  'tables of an engine by grep: read',
  'tables of an engine by cat: read',
  'tables of an engine by cat: refused',
  'tables of a node by grep: read',
  'tables of a node by cat: refused',
  'engine kept for a viewer in no book',
  'warning viewers_unknown',
  'warning events_refused',
  'warning engine_plays_nothing',
  'warning vpn_health_check_fails',
  'warning vpn_tunnel_doubted',
  'engines proven by streams against a health check',
  'a dead tunnel that only engines tell of',
  'chaos the health check of the VPN is wrong',
  'viewers starved',
  'viewers come together',
  'viewers zap: list',
  'viewers zap: post',
  'viewers zap: status',
  'viewers zap: refusal',
  'viewers turned away: status',
  'viewers turned away: refusal',
  'viewers turned away: fallback',
  'waits of acexy',
  'two viewers on one engine: no other free',
  'two viewers on one engine: within 2 s',
  'looker: engines',
  'looker: all engines',
  'looker: streams',
  'looker: streams of each',
  'looker: panel',
  'looker: as a proxy',
  'engine given again at the cap',
  'adopted a copy',
  'took over an engine of another installation',
  'chaos a tool renames an engine and makes it anew',
  'chaos a tool removes an engine and makes it anew',
  'chaos another installation makes a container',
  'chaos another installation removes',
  'chaos another installation starts or stops',
  'operator DELETE /containers/:id 404',
  'stream.ended: host_lost',
  'stream.ended: host_drained',
  'engine.removal_requested: host_lost',
  'engine.removal_requested: host_drained',
  'chaos host lost, its tasks run on',
  'chaos host lost, its tasks end',
  'chaos host lost, its tasks answer',
  'chaos host drained',
  'chaos host takes nothing',
  'chaos tasks take long',
]

/** What can't happen at a place, and why. */
const UNREACHED: Readonly<Record<string, readonly { readonly what: string; readonly why: string }[]>> = {}

const isUnreached = (site: string, what: string): boolean =>
  UNREACHED[site]?.some((each) => each.what === what) ?? false

const verbOf = (site: string): Verb => site.slice(site.lastIndexOf(':') + 1) as Verb
