/**
 * The health worker: probes engines and asks about their sessions and connection in its own thread, and posts facts. It
 * decides nothing and writes nothing. An engine that hangs costs a timer here, and delays no answer to a proxy.
 */

import { MainTime } from '../main-time.ts'
import { post, serve } from '../worker-frame.ts'
import { HealthProbes } from './health-probes.ts'
import { type FromHealthWorker, type HealthCommand, parseToHealthWorker } from './health-protocol.ts'
import { NetworkPolls } from './network-polls.ts'
import { SessionPolls } from './session-polls.ts'

const report = (fact: FromHealthWorker): void => post(fact)
const time = new MainTime()
const { now } = time
const probes = new HealthProbes({ report, reportUnasked: report, reportBoot: report, now })
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

function onCommand(command: HealthCommand, drop: (what: string) => void): void {
  if (command.type === 'targets' && command.dropped > 0)
    drop(`${command.dropped} of the engines that it is to probe`)
  for (const loop of loops) {
    if (command.type === 'configure') loop.configure(command)
    else loop.setTargets(command.targets)
  }
}

serve({
  name: 'health worker',
  time,
  parse: parseToHealthWorker,
  onCommand,
  stop: () => {
    for (const loop of loops) loop.stop()
  },
})
