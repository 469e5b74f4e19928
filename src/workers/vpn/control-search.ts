import type { ContainerObservation } from '../../runtime/runtime.ts'
import type { Address } from '../protocol.ts'
import { ControlFailure, type ControlTrouble } from './gluetun-problems.ts'
import type { VpnSettings } from './vpn-protocol.ts'

/** Where a control server may be reached: at all of `addresses` at once, at `fallback` if none of them is it. */
export interface Whereabouts {
  readonly addresses: readonly Address[]
  readonly fallback: Address
}

/** The container's own addresses, and where its port is published on the Docker host; the container's name as the last resort. */
export function whereaboutsOf(
  { name, addresses, ports, networks }: ContainerObservation,
  { apiPort, publishedHost }: Pick<VpnSettings, 'apiPort' | 'publishedHost'>,
): Whereabouts {
  const published = ports.filter(
    ({ containerPort, protocol }) => containerPort === apiPort && protocol === 'tcp',
  )
  const hostPorts = networks.includes('host') ? [apiPort] : published.map(({ hostPort }) => hostPort)
  const own = addresses.map((host) => ({ host, port: apiPort }))
  const onHost = hostPorts.map((port) => ({ host: publishedHost, port }))
  return { addresses: [...own, ...onHost], fallback: { host: name, port: apiPort } }
}

/** The trouble that comes nearest to an answer, and the addresses that had it. */
interface NotFound {
  readonly failure: ControlFailure
  readonly at: readonly Address[]
}

const NOWHERE: NotFound = { failure: new ControlFailure('unreachable'), at: [] }

type Check = (address: Address, signal: AbortSignal) => Promise<unknown>

/**
 * Finds the address at which `check` succeeds first, else one that answers at all, else none. Others may listen at one of
 * them (a published port as it is seen from here may be our own), so an answer alone decides nothing. Never throws.
 */
export async function findServer(
  { addresses, fallback }: Whereabouts,
  check: Check,
): Promise<{ readonly address: Address } | NotFound> {
  const first = await findAmong(addresses, check)
  if ('address' in first) return first
  const second = isItself(first.failure) ? NOWHERE : await findAmong([fallback], check)
  if ('address' in second) return second
  const best = nearest([first, second])
  const [answering] = best.failure.isSilence ? [] : best.at
  return answering === undefined ? best : { address: answering }
}

/** What had this trouble is the control server, as far as one can tell: there is no use in asking elsewhere. */
const isItself = ({ trouble }: ControlFailure): boolean =>
  trouble === 'unauthorized' || trouble === 'failed' || trouble === 'hung'

async function findAmong(
  addresses: readonly Address[],
  check: Check,
): Promise<{ readonly address: Address } | NotFound> {
  const settled = new AbortController()
  const failures: NotFound[] = []
  const checks = addresses.map(async (address) => {
    try {
      await check(address, settled.signal)
      return { address }
    } catch (error) {
      const failure = error instanceof ControlFailure ? error : new ControlFailure('garbage')
      failures.push({ failure, at: [address] })
      throw failure
    }
  })
  try {
    return await Promise.any(checks)
  } catch {
    return nearest(failures)
  } finally {
    settled.abort()
  }
}

/** A refusal for want of a key is what Gluetun itself says; whatever answers at all may be it. */
const BY_NEARNESS: readonly ControlTrouble[] = [
  'unauthorized',
  'failed',
  'garbage',
  'unknown_route',
  'redirected',
  'hung',
  'refused',
  'unreachable',
  'not_asked',
]

function nearest(failures: readonly NotFound[]): NotFound {
  const trouble = BY_NEARNESS.find((each) => failures.some(({ failure }) => failure.trouble === each))
  const alike = failures.filter(({ failure }) => failure.trouble === trouble)
  const failure = alike[0]?.failure ?? new ControlFailure('unreachable')
  return { failure, at: alike.flatMap(({ at }) => at) }
}
