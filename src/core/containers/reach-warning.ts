import type { OutOfReach } from '../engines/reach.ts'
import type { Warning } from '../reporting/warnings.ts'

/** How many engines a warning names. */
const NAMED_MAX = 5

/** An engine that is out of reach. */
export interface Unreached {
  readonly name: string
  /** Where it is, as networks or as the node that it is behind. */
  readonly place: string
  /** Of whom it is out of reach. */
  readonly of: OutOfReach['of']
  readonly isMoving: boolean
}

/**
 * What users are told of engines that nobody reaches where they are; null if nothing. `apart` is why new engines will not be
 * reached either; `told` is the host that proxies are told for published ports.
 */
export function unreachableWarning(
  engines: readonly Unreached[],
  { apart, own, told }: { readonly apart: Warning | null; readonly own: string; readonly told: string },
): Warning | null {
  const moving = engines.filter(({ isMoving }) => isMoving)
  const parts = [
    apart === null ? null : { ...apart, message: `${apart.message}: it reaches no engine there` },
    ...[...Map.groupBy(moving, kindOf).values()].map((alike) => movingPart(alike, { own, told })),
  ].filter((part) => part !== null)
  if (parts.length === 0) return null
  return {
    message: parts.map(({ message }) => message).join('; '),
    remedy: [...new Set(parts.map(({ remedy }) => remedy))].join('; '),
  }
}

const kindOf = ({ of, place }: Unreached): string => (of === 'proxies' ? of : `${of} ${place}`)

/** What is told of engines in one place, which make way for others. */
function movingPart(
  alike: readonly Unreached[],
  { own, told }: { readonly own: string; readonly told: string },
): Warning {
  const names = named(alike)
  const [is, publishes] = alike.length === 1 ? ['is', 'publishes'] : ['are', 'publish']
  const { of, place, name: first } = alike[0] ?? { of: 'us', place: '', name: '' }
  const what = {
    us: `${names} ${is} in ${place}, where Roundhouse (${own}) is not, and out of its reach`,
    proxies: `${names} ${publishes} no port at ${told}, which proxies are told`,
    names: `${names} ${is} in ${place}, where the names that proxies are told mean nothing`,
  }[of]
  return {
    message: `${what}: hidden from proxies, and replaced when idle`,
    remedy: `wait some minutes; to hurry: DELETE /containers/${first}${alike.length > 1 ? ', and so on' : ''}`,
  }
}

function named(engines: readonly Unreached[]): string {
  const names = engines.slice(0, NAMED_MAX).map(({ name }) => name)
  const rest = engines.length - names.length
  return `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
