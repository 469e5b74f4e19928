import { Rendered, type Versioned } from '../control/views/rendered.ts'
import { jsonOf } from '../http/json.ts'
import { Changes } from '../lib/changes.ts'
import type { Adapters, Base } from './base.ts'
import { tellersOf, type Views } from './views.ts'

export type Answers = ReturnType<typeof answersOf>

/** Builds the answers about the fleet as a whole, which many ask for. `exposition` renders the metrics. */
export function answersOf(
  { store, clock }: Adapters,
  base: Base,
  { statusViews, vpnViews, planViews }: Views,
  metrics: Versioned,
  exposition: () => Promise<Blob>,
) {
  const news = new Changes()
  for (const teller of tellersOf(base)) teller.onNews(news.note)
  const { facts, nodes, connections, playback, expected, statistics, contacts } = base
  const sources = [
    ...[store, facts, nodes, connections, playback, expected, statistics, contacts],
    ...[news, metrics],
  ]
  const rendered = <Answer>(render: () => Answer) => new Rendered({ clock, sources, render })
  return {
    status: rendered(() => jsonOf(statusViews.orchestrator())),
    vpn: rendered(() => jsonOf(vpnViews.status())),
    health: rendered(() => jsonOf(statusViews.health())),
    plan: rendered(() => jsonOf(planViews.plan())),
    metrics: rendered(exposition),
  }
}
