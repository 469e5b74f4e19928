/**
 * The health worker: probes engines and asks about their sessions and connection in a thread of its own, and posts facts.
 * It decides nothing and writes nothing; a hung engine costs a timer here and no answer to a proxy.
 */

import { MainTime } from '../main-time.ts'
import { post, serve } from '../worker-frame.ts'
import { HealthProbes } from './health-probes.ts'
import { type FromHealthWorker, type HealthWish, parseToHealthWorker } from './health-protocol.ts'
import { NetworkPolls } from './network-polls.ts'
import { SessionPolls } from './session-polls.ts'

const report = (fact: FromHealthWorker): void => post(fact)
const time = new MainTime()
const { now } = time
const probes = new HealthProbes({ report, reportUnasked: report, now })
const addressesOf = (engineId: string) => probes.addressesOf(engineId)
const sessions = new SessionPolls({
  now,
  addressesOf,
  report: (answers) => report({ type: 'sessions', answers: [...answers] }),
})
const networks = new NetworkPolls({
  now,
  addressesOf,
  report: (answers) => report({ type: 'network', answers: [...answers] }),
})
const loops = [probes, sessions, networks]

function onWish(wish: HealthWish, drop: (what: string) => void): void {
  if (wish.type === 'targets' && wish.dropped > 0) drop(`${wish.dropped} of the engines that it is to probe`)
  for (const loop of loops) {
    if (wish.type === 'configure') loop.configure(wish)
    else loop.setTargets(wish.targets)
  }
}

serve({
  name: 'health worker',
  time,
  parse: parseToHealthWorker,
  onWish,
  stop: () => {
    for (const loop of loops) loop.stop()
  },
})
