import type { Config } from '../config/config.ts'
import { FEED_LIMITS, Feed } from '../control/feed/feed.ts'
import { FeedStates } from '../control/feed/feed-states.ts'
import { EngineViews } from '../control/views/engine-views.ts'
import { FleetFigures } from '../control/views/fleet-figures.ts'
import { JournalViews } from '../control/views/journal-views.ts'
import { PlanViews } from '../control/views/plan-views.ts'
import { StatusViews } from '../control/views/status-views.ts'
import { StreamViews } from '../control/views/stream-views.ts'
import { UsageViews } from '../control/views/usage-views.ts'
import { VpnViews } from '../control/views/vpn-views.ts'
import type { Adapters, Base } from './base.ts'
import { hasFoundAll } from './readiness.ts'
import type { Work } from './work.ts'

export type Views = ReturnType<typeof viewsOf>

/** Builds the components that answer the API's queries. */
export function viewsOf(config: Config, adapters: Adapters, base: Base, work: Work) {
  const { store, clock, version } = adapters
  const { rows, facts, admission, addresses, nodes, connections, sessions, statistics } = base
  const { listings, proxies } = base
  const { claims, snapshots, reconciler } = work
  const vpnViews = new VpnViews({
    rows,
    nodes,
    checkIntervalSeconds: config.GLUETUN_HEALTH_CHECK_INTERVAL_S,
    control: config.VPN_CONTROL,
  })
  const samplesMax = config.STATS_HISTORY_MAX
  const streamViews = new StreamViews({ store, clock, rows, sessions, statistics, samplesMax })
  const settings = {
    ...base.settings,
    healthCheckIntervalSeconds: config.HEALTH_CHECK_INTERVAL_S,
    version,
  }
  return {
    journalViews: new JournalViews({ store }),
    engineViews: new EngineViews({
      ...{ store, rows, facts, clock, addresses, listings, proxies, streamViews },
      perEngineMax: config.MAX_STREAMS_PER_ENGINE,
    }),
    streamViews,
    statusViews: new StatusViews({
      store,
      rows,
      facts,
      connections,
      clock,
      admission,
      claims,
      snapshots,
      vpnViews,
      outOfReach: base.outOfReach,
      images: base.images,
      hosts: base.hosts,
      contacts: base.contacts,
      warnings: base.warnings,
      settings,
    }),
    usageViews: new UsageViews({ store, rows, clock, usage: base.usage, template: base.template }),
    vpnViews,
    planViews: new PlanViews({ store, reconciler, snapshots }),
  }
}

/** Builds the source of the figures for `/metrics`. */
export const figuresOf = ({ store }: Adapters, base: Base, work: Work, views: Views): FleetFigures =>
  new FleetFigures({
    store,
    facts: base.facts,
    usage: base.usage,
    admission: base.admission,
    nodes: base.nodes,
    hosts: base.hosts,
    warnings: base.warnings,
    snapshots: work.snapshots,
    listedEngines: () => views.engineViews.listedCount(),
    canProvision: () => views.statusViews.refusal() === null,
    isReady: () => hasFoundAll(work),
  })

/** The parts of the state that tell of every change that an answer of the API could show. */
export const tellersOf = ({
  facts,
  nodes,
  connections,
  playback,
  outOfReach,
  expected,
  statistics,
  warnings,
  images,
  hosts,
}: Base) => [
  ...[facts, nodes, connections, playback, outOfReach, expected, statistics, warnings, images, hosts],
]

/** Builds the feed. Every change that an answer of the API could show wakes it. */
export function feedOf({ store, clock }: Adapters, base: Base, views: Views): Feed {
  const feed = new Feed({
    ...{ store, clock, limits: FEED_LIMITS },
    states: new FeedStates(views),
    onError: base.edge('a round of the feed'),
  })
  const onNews = (): void => feed.news()
  store.onCommit(onNews)
  for (const teller of tellersOf(base)) teller.onNews(onNews)
  return feed
}
