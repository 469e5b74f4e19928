import type { NodeFacts } from '../../cli/doctor/gluetun.ts'
import type { Config } from '../../config/config.ts'
import { reachablePorts } from '../../core/engines/published.ts'
import { forwardingSettings } from '../../core/vpn/gluetun-settings.ts'
import type { ContainerObservation } from '../../runtime/runtime.ts'
import { whereaboutsOf } from '../../workers/vpn/control-search.ts'
import { createControlClient } from '../../workers/vpn/gluetun.ts'
import { vpnNodesOf, vpnWorkerSettingsOf } from '../settings.ts'
import { asked, type DockerDeps } from './docker-facts.ts'

/** What Docker and the control server say about one node, and its networks. */
export interface NodeFound {
  readonly facts: NodeFacts
  readonly networks: readonly string[] | null
}

/** Asks about all nodes at once, in the way of the VPN worker. */
export function gluetunFacts(deps: DockerDeps, config: Config, signal: AbortSignal): Promise<NodeFound[]> {
  const settings = vpnWorkerSettingsOf(config)
  const control = createControlClient(settings)
  const { isGluetun } = settings
  return Promise.all(
    vpnNodesOf(config).map(async ({ name, ports: range, fixedPorts }) => {
      const seen = await asked(deps.runtime.inspect(name))
      if (seen.kind !== 'answer')
        return {
          facts: { name, isGluetun, range, fixedPorts, container: seen, control: null },
          networks: null,
        }
      const isAsked = isGluetun && seen.value.state === 'running'
      const said = isAsked ? await control.ask(whereaboutsOf(seen.value, settings), null, signal) : null
      const container = { kind: 'answer', value: containerOf(seen.value) } as const
      return {
        facts: { name, isGluetun, range, fixedPorts, container, control: said?.answers ?? null },
        networks: seen.value.networks,
      }
    }),
  )
}

const containerOf = ({ state, health, healthText, ports, networks, variables }: ContainerObservation) => ({
  ...{ state, health, healthText },
  reachablePorts: reachablePorts(ports, networks),
  ...forwardingSettings(variables),
})
