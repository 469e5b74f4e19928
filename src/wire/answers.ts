import { Rendered, type Versioned } from '../control/views/rendered.ts'
import { jsonBytes } from '../http/json.ts'
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
  exposition: () => Promise<Uint8Array<ArrayBuffer>>,
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
    status: rendered(() => jsonBytes(statusViews.orchestrator())),
    vpn: rendered(() => jsonBytes(vpnViews.status())),
    health: rendered(() => jsonBytes(statusViews.health())),
    plan: rendered(() => jsonBytes(planViews.plan())),
    metrics: rendered(exposition),
  }
}
