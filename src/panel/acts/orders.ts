import type {
  Engine,
  FullPass,
  ProvisionedEngine,
  ScaledFleet,
  StoppedStream,
  Stream,
  UnscaledFleet,
} from '../api/types.ts'
import { count, shortId } from '../reading/words.ts'

/** One request that changes something, and how its answer is told. It may be sent again as it is. */
export interface Order {
  /** What is done, for the line that tells of all outcomes. */
  readonly name: string
  readonly method: 'POST' | 'DELETE'
  readonly path: string
  readonly init?: RequestInit
  /** The outcome in words, from an answer of success. */
  readonly outcome: (answer: Response) => Promise<string>
  /** Codes of answers that refuse nothing, since what was asked for goes on without its caller, each in words. */
  readonly underWay?: Readonly<Record<string, string>>
}

const JSON_BODY = { 'content-type': 'application/json' }

/** Starts one engine. `key` makes a repetition of the same click safe: it gets the engine of the first. */
export const provisionOrder = (key: string): Order => ({
  name: 'Provision',
  method: 'POST',
  path: 'provision/acestream',
  init: { headers: { ...JSON_BODY, 'idempotency-key': key }, body: '{}' },
  outcome: async (answer) => {
    const { container_name } = (await answer.json()) as ProvisionedEngine
    return `${container_name} runs`
  },
  // Asked for again, a start that failed meanwhile would begin anew, each time.
  underWay: { provisioning_in_progress: 'the engine is being started, and its row shows how far it is' },
})

/** What a draining engine waits for. */
export const endOf = (streams: number): string =>
  streams === 1 ? 'its stream has ended' : `its ${streams} streams have ended`

export const drainOrder = ({ container_name, container_id }: Engine): Order => ({
  name: `Drain ${container_name ?? container_id}`,
  method: 'POST',
  path: `engines/${encodeURIComponent(container_id ?? container_name ?? '')}/drain`,
  outcome: async (answer) => {
    const { streams } = (await answer.json()) as { readonly streams: readonly Stream[] }
    return streams.length === 0
      ? 'it is hidden from acexy, and goes in a moment'
      : `it is hidden from acexy, and goes when ${endOf(streams.length)}`
  },
})

export const destroyOrder = ({ container_name, container_id }: Engine): Order => ({
  name: `Destroy ${container_name ?? container_id}`,
  method: 'DELETE',
  path: `containers/${encodeURIComponent(container_id ?? container_name ?? '')}`,
  outcome: async () => 'its container is removed',
})

const SESSION_ENDS: Readonly<Record<StoppedStream['session'], string>> = {
  stopped: 'its engine stopped it',
  unknown: 'it has ended; its engine did not know it any more',
  silent: 'it has ended in the books; its engine did not answer',
  none: 'it has ended in the books; no engine was there to ask',
}

export const stopOrder = ({ id, key }: Stream): Order => ({
  name: `Stop ${shortId(key)}`,
  method: 'DELETE',
  path: `streams/${encodeURIComponent(id)}`,
  outcome: async (answer) => {
    const { updated, session } = (await answer.json()) as StoppedStream
    return updated ? SESSION_ENDS[session] : 'it had ended before'
  },
})

export const scaleOrder = (replicas: number): Order => ({
  name: 'Scale',
  method: 'POST',
  path: `scale/${replicas}`,
  outcome: async (answer) => {
    const { scaled_to, requested } = (await answer.json()) as ScaledFleet
    const kept = `${count(scaled_to, 'engine is', 'engines are')} kept`
    return scaled_to === requested ? kept : `${kept}, the most that MAX_REPLICAS allows, not ${requested}`
  },
})

export const unscaleOrder: Order = {
  name: 'Undo the order',
  method: 'DELETE',
  path: 'scale',
  outcome: async (answer) => {
    const { updated, min_replicas } = (await answer.json()) as UnscaledFleet
    return `${updated ? '' : 'there was nothing to undo; '}MIN_REPLICAS=${min_replicas} holds`
  },
}

export const resetOrder = (breaker: 'general' | 'replacement'): Order => ({
  name: `Reset ${breaker}`,
  method: 'POST',
  path: `health/circuit-breaker/reset?operation_type=${breaker}`,
  outcome: async () => 'it is closed; starts are tried again at once',
})

export const passOrder: Order = {
  name: 'Full pass',
  method: 'POST',
  path: 'gc',
  outcome: async (answer) => passInWords((await answer.json()) as FullPass),
}

function passInWords({ containers, adopted, reaped, finished, undone, gone }: FullPass): string {
  const found = [
    [adopted, 'adopted'],
    [reaped, 'removed'],
    [finished, 'starts completed'],
    [undone, 'starts undone'],
    [gone, 'gone by themselves'],
  ] as const
  const parts = found.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`)
  const looked = `${count(containers, 'container')} looked at`
  return parts.length === 0 ? `${looked}, nothing to do` : `${looked}: ${parts.join(', ')}`
}

/** A key for one click. `fill` puts chance into bytes: `crypto.randomUUID` is missing where the page came by plain http. */
export function clickKey(fill: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): string {
  const hex = Array.from(fill(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0'))
  return `panel-${hex.join('')}`
}
