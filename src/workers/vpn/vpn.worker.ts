/**
 * The VPN worker: watches the Gluetun containers in its own thread, through Docker and their control servers, and posts
 * facts. It decides nothing and changes nothing.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { createDockerRuntime, DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS } from '../../runtime/docker.ts'
import { MainTime } from '../main-time.ts'
import { post, serve } from '../worker-frame.ts'
import { createControlClient } from './gluetun.ts'
import { NodeWatch } from './node-watch.ts'
import { parseToVpnWorker, type VpnSettings } from './vpn-protocol.ts'
import type { LoopClock } from './wakeup.ts'

/** A look that takes longer comes too late to be useful, so the next one is tried instead. */
const LOOK_DEADLINE_MS = 3_000

const time = new MainTime()
const clock: LoopClock = {
  now: time.now,
  sleep: (ms, signal) => delay(ms, undefined, signal && { signal }).catch(() => undefined),
}

let watches: readonly NodeWatch[] = []

function watchAll(settings: VpnSettings): void {
  void stopAll()
  const runtime = createDockerRuntime({
    dockerHost: settings.dockerHost,
    label: settings.label,
    deadlinesMs: { ...DEFAULT_DEADLINES_MS, inspect: LOOK_DEADLINE_MS, subscribe: LOOK_DEADLINE_MS },
    logs: DEFAULT_LOG_LIMITS,
  })
  const { neighbours } = runtime
  const control = createControlClient(settings)
  watches = settings.nodes.map(
    (node) => new NodeWatch(node, { runtime, neighbours, control, clock, settings, report: post }),
  )
  for (const watch of watches) watch.start()
}

async function stopAll(): Promise<void> {
  await Promise.all(watches.map((watch) => watch.stop()))
}

serve({ name: 'VPN worker', time, parse: parseToVpnWorker, onCommand: watchAll, stop: stopAll })
