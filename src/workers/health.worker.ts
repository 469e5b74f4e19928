/**
 * The health worker: probes engines and asks about sessions in a thread of its own, and posts facts. It decides nothing
 * and writes nothing; a hung engine costs a timer here and no answer to a proxy.
 */
import { HealthProbes } from './health-probes.ts'
import { type FromWorker, parseToWorker } from './protocol.ts'
import { SessionPolls } from './session-polls.ts'

declare const self: Worker

const HEARTBEAT_MS = 1_000

const say = (message: FromWorker): void => self.postMessage(message)
const probes = new HealthProbes(say)
const polls = new SessionPolls({ addressesOf: (engineId) => probes.addressesOf(engineId), report: say })
const heartbeat = setInterval(() => say({ type: 'heartbeat', atMs: Date.now() }), HEARTBEAT_MS)

self.onmessage = ({ data }: MessageEvent<unknown>) => {
  const message = parseToWorker(data)
  switch (message?.type) {
    case 'configure':
      probes.configure(message)
      polls.configure(message)
      break
    case 'targets':
      probes.setTargets(message.targets)
      polls.setTargets(message.targets)
      break
    case 'stop':
      clearInterval(heartbeat)
      probes.stop()
      polls.stop()
      say({ type: 'stopped' })
      break
    default:
      console.error('health worker: dropped a message that is none of the protocol')
  }
}

say({ type: 'ready' })
