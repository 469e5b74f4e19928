import { join } from 'node:path'
import { VpnHost, type VpnHostOptions } from '../../src/workers/vpn/vpn-host.ts'
import type { ContainerFact, ControlFact } from '../../src/workers/vpn/vpn-protocol.ts'

const WORKER = join(import.meta.dir, '../../src/workers/vpn/vpn.worker.ts')

/** Starts the real worker in its thread and collects everything that it tells. The test has to stop it. */
export function startVpnWorker(settings: Partial<VpnHostOptions['settings']>) {
  const containers: ContainerFact[] = []
  const controls: ControlFact[] = []
  const troubles: string[] = []
  const drops: string[] = []
  const returns: number[] = []
  let lost = 0
  const vpn = new VpnHost({
    now: Date.now,
    spawn: () => new Worker(WORKER),
    settings: {
      dockerHost: null,
      certificates: null,
      label: { key: 'roundhouse.test', value: 'vpn' },
      nodes: ['gluetun'],
      isGluetun: true,
      apiPort: 8000,
      publishedHost: '127.0.0.1',
      auth: { kind: 'none' },
      intervalMs: 100,
      timeoutMs: 500,
      ...settings,
    },
    onTrouble: (why) => troubles.push(why),
    onBack: (_, awayMs) => returns.push(awayMs),
    onDropped: (what) => drops.push(what),
  })
  vpn.start({
    onContainer: (fact) => containers.push(fact),
    onControl: (fact) => controls.push(fact),
    onLost: () => lost++,
  })
  return { vpn, containers, controls, troubles, drops, returns, lost: () => lost }
}
