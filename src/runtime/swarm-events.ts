import { setTimeout as delay } from 'node:timers/promises'
import { callDocker, type DockerCall } from './docker-call.ts'
import type { DockerClient } from './docker-connection.ts'
import { followEvents } from './docker-events.ts'
import { type ContainerEvent, RuntimeFailure } from './runtime.ts'
import type { SwarmService, SwarmTask } from './swarm-answers.ts'
import { shownLabels } from './swarm-observation.ts'
import { hasEnded, inOrder, isRunning, isTakenAway, wasStarted } from './swarm-tasks.ts'

/**
 * How often to look, because a manager tells of services and nodes, and of no task. A look at many services takes longer, so
 * at most this part of the time is spent looking.
 */
const LOOK_MS = 1_000
const LOOKING_AT_MOST = 0.05

/** What is looked at again and again, and the call that it belongs to. */
interface Looking<T> {
  /** The kinds of things whose events cause a look at once. */
  readonly types: ('service' | 'node')[]
  readonly call: DockerCall & { readonly signal: AbortSignal }
  readonly look: (abortSignal: AbortSignal) => Promise<T>
}

interface LookHandlers<T> {
  /** See `EventHandlers.onOpen`. */
  readonly onOpen: () => void
  /** What two looks in a row have seen. If it throws, the subscription breaks. */
  readonly onLook: (before: T, after: T) => void
}

/** Looks at each event and at least once in a while, and ends like `Runtime.events`. */
export async function followLooks<T>(
  docker: DockerClient,
  { types, call, look }: Looking<T>,
  { onOpen, onLook }: LookHandlers<T>,
): Promise<void> {
  const ended = new AbortController()
  const signal = AbortSignal.any([call.signal, ended.signal])
  const opened = Promise.withResolvers<void>()
  const bell = new Bell()
  const follow = followEvents(
    docker,
    { filters: { type: types }, call: { ...call, signal } },
    { onOpen: opened.resolve, onMessage: () => bell.ring() },
  )
  const lookOn = async () => {
    await opened.promise
    const lookNow = () => callDocker({ ...call, signal }, look)
    let before = await lookNow()
    onOpen()
    for (let restMs = LOOK_MS; ; ) {
      await bell.heard(restMs, signal)
      const beganMs = performance.now()
      const after = await lookNow()
      signal.throwIfAborted()
      restMs = Math.max(LOOK_MS, (performance.now() - beganMs) / LOOKING_AT_MOST)
      onLook(before, after)
      before = after
    }
  }
  try {
    await Promise.race([follow, lookOn()])
  } catch (error) {
    if (!call.signal.aborted) throw broken(error, call)
  } finally {
    ended.abort()
  }
}

function broken(cause: unknown, { address }: DockerCall): RuntimeFailure {
  if (cause instanceof RuntimeFailure) return cause
  const message = `The events of the swarm of Docker at ${address} broke off.`
  return new RuntimeFailure('unreachable', message, { effect: 'unknown', cause })
}

/** Wakes one waiter. What rings while nobody waits is heard by the next one. */
class Bell {
  #hasRung = false
  #wake: (() => void) | null = null

  ring(): void {
    this.#hasRung = true
    this.#wake?.()
  }

  /** Resolves when the bell rings, and at the latest after `withinMs`. Rejects when the signal aborts. */
  async heard(withinMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#hasRung) {
      const rung = new AbortController()
      this.#wake = () => rung.abort()
      await delay(withinMs, undefined, { signal: AbortSignal.any([signal, rung.signal]) }).catch(
        () => undefined,
      )
      this.#wake = null
    }
    this.#hasRung = false
    signal.throwIfAborted()
  }
}

/** All our services and their tasks at one time. */
export interface SwarmSnapshot {
  readonly services: readonly SwarmService[]
  readonly tasks: readonly SwarmTask[]
}

/**
 * What happened to our containers between two looks, in the order in which it happens to one of them. What began and ended
 * between the looks and left no trace is not told.
 */
export function eventsBetween(before: SwarmSnapshot, after: SwarmSnapshot, nowMs: number): ContainerEvent[] {
  const [earlier, later] = [byId(before), byId(after)]
  const services = new Map([...before.services, ...after.services].map((service) => [service.ID, service]))
  return [...services.values()].flatMap((service) => {
    const { ID: id } = service
    const { name, labels } = { name: service.Spec.Name, labels: shownLabels(service.Spec) }
    const told = (action: ContainerEvent['action'], atMs: number) => ({ action, id, name, labels, atMs })
    return [
      ...(earlier.has(id) ? [] : [told('create', Date.parse(service.CreatedAt))]),
      ...taskEvents(earlier.get(id) ?? [], later.get(id) ?? [], nowMs).map(({ action, atMs }) =>
        told(action, atMs),
      ),
      ...(later.has(id) ? [] : [told('destroy', nowMs)]),
    ]
  })
}

function taskEvents(
  before: readonly SwarmTask[],
  after: readonly SwarmTask[],
  nowMs: number,
): Pick<ContainerEvent, 'action' | 'atMs'>[] {
  const known = new Map(before.map((task) => [task.ID, task]))
  const found = new Set(after.map(({ ID }) => ID))
  const lost = before.filter((task) => isRunning(task) && !found.has(task.ID))
  return [
    ...lost.map(() => ({ action: 'die' as const, atMs: nowMs })),
    ...inOrder(after).flatMap((task) => {
      const earlier = known.get(task.ID)
      const atMs = Date.parse(task.Status.Timestamp)
      const wasKnown = earlier !== undefined && wasStarted(earlier)
      const hasBegun = wasStarted(task) && !isTakenAway(task) && !wasKnown
      const hasDied = (wasKnown || hasBegun) && hasEnded(task) && !(earlier && hasEnded(earlier))
      return [
        ...(hasBegun ? [{ action: 'start' as const, atMs }] : []),
        ...(hasDied ? [{ action: 'die' as const, atMs }] : []),
      ]
    }),
  ]
}

/** The tasks of each service, by its id. */
function byId({ services, tasks }: SwarmSnapshot): Map<string, SwarmTask[]> {
  const grouped = Map.groupBy(tasks, ({ ServiceID }) => ServiceID)
  return new Map(services.map(({ ID }) => [ID, grouped.get(ID) ?? []]))
}
