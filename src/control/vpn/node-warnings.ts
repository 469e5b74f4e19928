import type { Warning } from '../../core/reporting/warnings.ts'
import { partsOfProblem } from '../../core/vpn/control-problem.ts'
import { isContradicted, isLasting, LASTING_MS } from '../../core/vpn/node-state.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Warnings } from '../reporting/warnings.ts'
import type { VpnNode, VpnNodes } from './vpn-nodes.ts'

/** Tells users about nodes that are neither up nor down: by whose word that is, and since when. */
export class NodeWarnings {
  constructor(
    private readonly deps: {
      readonly nodes: Pick<VpnNodes, 'all'>
      readonly warnings: Warnings
      readonly clock: Clock
      readonly isGluetun: boolean
    },
  ) {}

  /** Sets or clears the warnings, by the verdicts that hold now. Call it whenever nodes were judged. */
  tell(): void {
    const { nodes, warnings, clock, isGluetun } = this.deps
    const all = nodes.all()
    const failing = all.filter(({ verdict }) => isContradicted(verdict))
    const unknown = all.filter(({ verdict }) => isLasting(verdict, clock.now()))
    const silent = all.filter(
      (node) =>
        !unknown.includes(node) && clock.now() - (node.controlSilentSinceMs ?? clock.now()) >= LASTING_MS,
    )
    warnings.tell(
      'vpn_health_check_fails',
      failing.length === 0 ? null : healthCheckWarning(failing, isGluetun),
    )
    warnings.tell('vpn_not_known', unknown.length === 0 ? null : notKnownWarning(unknown))
    warnings.tell('vpn_control_silent', silent.length === 0 ? null : silentWarning(silent))
  }
}

function healthCheckWarning(nodes: readonly VpnNode[], isGluetun: boolean): Warning {
  const each = nodes.map(({ name, container }) => {
    const words = plainWords(container?.healthText ?? '')
    return `${name} fails its health check${words === '' ? '' : ` (${words})`}`
  })
  const control = isGluetun ? 'its control server says that the VPN runs, ' : ''
  return {
    message:
      `${each.join('; ')}, and that is the only bad sign: ${control}most of its engines say that they are connected, and ` +
      'streams move. Its engines stay listed as long as that is so, and none starts behind it',
    remedy: isGluetun ? GLUETUN_REMEDY : OTHER_REMEDY,
  }
}

const GLUETUN_REMEDY =
  'its check may ask for what the VPN does not let through. Give Gluetun other targets and create it anew: ' +
  'HEALTH_TARGET_ADDRESSES (HEALTH_TARGET_ADDRESS before v3.41), HEALTH_ICMP_TARGET_IPS or HEALTH_SMALL_CHECK_TYPE=dns; ' +
  'issue 3096 of qdm12/gluetun has such cases'

const OTHER_REMEDY = 'mend the health check of that container, or create it without one'

/** Times in the words would make a new warning of each check. */
const plainWords = (text: string): string => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) ?/g, '')

function silentWarning(nodes: readonly VpnNode[]): Warning {
  const each = nodes.map(({ name, control, controlSilentSinceMs }) => {
    const [message, remedy] = partsOfProblem(control?.problem ?? 'the control server does not answer')
    return { message: `${message} (${name}, since ${isoOf(controlSilentSinceMs)})`, remedy }
  })
  const isPortFixed = nodes.every(({ fixedPorts }) => fixedPorts.length > 0)
  const consequence = isPortFixed ? '' : ', and its forwarded port is not known'
  return {
    message: `${each.map(({ message }) => message).join('; ')}: a VPN that stops is noticed late${consequence}`,
    remedy: [...new Set(each.map(({ remedy }) => remedy))].join('; '),
  }
}

const isoOf = (ms: number | null): string => new Date(ms ?? 0).toISOString()

function notKnownWarning(nodes: readonly VpnNode[]): Warning {
  const each = nodes.map(({ verdict }) => `${verdict.reason} (so since ${isoOf(verdict.sinceMs)})`)
  return {
    message: `it is not known whether the VPN is up: ${each.join('; ')}. No engine starts behind it`,
    remedy: 'GET /vpn/status says what each source told last; docker logs of that container may say more',
  }
}
