import type { Warning } from '../../core/reporting/warnings.ts'
import { partsOfProblem } from '../../core/vpn/control-problem.ts'
import { isContradicted, isLasting, LASTING_MS } from '../../core/vpn/node-state.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Warnings } from '../reporting/warnings.ts'
import { healthCheckWarning } from './health-check-warning.ts'
import { doubtWarning } from './tunnel-warning.ts'
import type { VpnNode, VpnNodes } from './vpn-nodes.ts'

/** Tells users about nodes whose state is in doubt: by whose word that is, and since when. */
export class NodeWarnings {
  /** The names of the nodes that the warning about the health check told of last. */
  #failing: ReadonlySet<string> = new Set()

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
    const nowMs = clock.now()
    const all = nodes.all()
    const failing = all.filter((node) => this.#isFailing(node, nowMs))
    this.#failing = new Set(failing.map(({ name }) => name))
    const unknown = all.filter(({ verdict }) => isLasting(verdict, nowMs))
    const silent = all.filter(
      (node) => !unknown.includes(node) && nowMs - (node.controlSilentSinceMs ?? nowMs) >= LASTING_MS,
    )
    warnings.tellAll({
      vpn_health_check_fails: failing.length === 0 ? null : healthCheckWarning(failing, isGluetun),
      vpn_not_known: unknown.length === 0 ? null : notKnownWarning(unknown),
      vpn_tunnel_doubted: doubtWarning(all, nowMs, isGluetun),
      vpn_control_silent: silent.length === 0 ? null : silentWarning(silent),
    })
  }

  /**
   * Whether the health check is told of as the only sign against a node: at once while engines and streams prove that it is
   * wrong, and from then on; otherwise when that has lasted, because the check is the last to notice that a VPN is back.
   */
  #isFailing({ name, verdict }: VpnNode, nowMs: number): boolean {
    const { aloneSinceMs } = verdict
    if (isContradicted(verdict)) return true
    return aloneSinceMs !== null && (this.#failing.has(name) || nowMs - aloneSinceMs >= LASTING_MS)
  }
}

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
