import type { Warning } from '../../core/reporting/warnings.ts'
import { isContradicted } from '../../core/vpn/node-state.ts'
import type { VpnNode } from './vpn-nodes.ts'

/** The warning about nodes that nothing but their health check is against. Needs at least one node. */
export function healthCheckWarning(nodes: readonly VpnNode[], isGluetun: boolean): Warning {
  return {
    message: nodes.map((node) => failingText(node, isGluetun)).join('; '),
    remedy: isGluetun ? GLUETUN_REMEDY : OTHER_REMEDY,
  }
}

const GLUETUN_REMEDY =
  'its check may ask for what the VPN does not let through. Give Gluetun other targets and create it anew: ' +
  'HEALTH_TARGET_ADDRESSES (HEALTH_TARGET_ADDRESS before v3.41), HEALTH_ICMP_TARGET_IPS or HEALTH_SMALL_CHECK_TYPE=dns; ' +
  'issue 3096 of qdm12/gluetun has such cases'

const OTHER_REMEDY = 'mend the health check of that container, or create it without one'

function failingText(node: VpnNode, isGluetun: boolean): string {
  const { name, container, verdict, enginesWord } = node
  const words = plainWords(container?.healthText ?? '')
  const since = new Date(verdict.aloneSinceMs ?? verdict.sinceMs).toISOString()
  const check = `${name} fails its health check${words === '' ? '' : ` (${words})`} since ${since}`
  const control = isGluetun ? 'its control server says that the VPN runs' : null
  const engines =
    enginesWord === null
      ? 'no engine is there to tell'
      : `${enginesWord.connected} of ${enginesWord.asked} engines say that they are connected`
  const isProven = isContradicted(verdict)
  const signs = [control, engines, isProven ? 'streams move' : null].filter((each) => each !== null)
  const outcome = isProven
    ? 'Its engines stay listed as long as that is so, and none starts behind it'
    : 'No stream has moved behind it for 45 s, which alone would prove that it works, so its engines are hidden, and ' +
      'none starts behind it'
  return `${check}, and that is the only bad sign: ${listed(signs)}. ${outcome}`
}

/** The parts of a sentence as a list: "a, b and c" with a comma before the "and". */
const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')}, and ${parts.at(-1)}`

/** Times in the words would make a new warning of each check. */
const plainWords = (text: string): string => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) ?/g, '')
