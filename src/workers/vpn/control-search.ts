import type { ContainerObservation } from '../../runtime/runtime.ts'
import type { Address } from '../protocol.ts'
import { ControlFailure, type ControlTrouble } from './gluetun-problems.ts'
import type { VpnSettings } from './vpn-protocol.ts'

/**
 * The possible addresses of a control server: all of `addresses` are tried at once, and `fallback` only if none of them is
 * the server.
 */
export interface Whereabouts {
  readonly addresses: readonly Address[]
  readonly fallback: Address
}

/**
 * The addresses to try are the container's own and those where its port is published on the Docker host; the container's
 * name is the fallback.
 */
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

/** The failure that comes closest to an answer, and the addresses that had it. */
interface NotFound {
  readonly failure: ControlFailure
  readonly at: readonly Address[]
}

const NOWHERE: NotFound = { failure: new ControlFailure('unreachable'), at: [] }

type Check = (address: Address, signal: AbortSignal) => Promise<unknown>

/**
 * Finds the address at which `check` succeeds first, otherwise one that answers at all, otherwise none. Other programs may
 * listen at some of the addresses (a published port, seen from here, may be our own), so an answer alone decides nothing.
 * Never throws.
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

/** A server with this failure is probably the control server, so the fallback is not tried. */
const isItself = ({ trouble }: ControlFailure): boolean =>
  trouble === 'unauthorized' || trouble === 'no_state' || trouble === 'failed' || trouble === 'hung'

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

/**
 * The failures, the closest to an answer first. Gluetun itself answers 401 if a key is missing; any other server that
 * answers may be it.
 */
const BY_NEARNESS: readonly ControlTrouble[] = [
  'unauthorized',
  'no_state',
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
