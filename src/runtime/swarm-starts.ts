import { setTimeout as delay } from 'node:timers/promises'
import type { DockerClient } from './docker-connection.ts'
import { type FailedCall, knownRefusal } from './docker-refusals.ts'
import { RuntimeFailure } from './runtime.ts'
import type { ServiceSpec, SwarmService, SwarmTask } from './swarm-answers.ts'
import { hostAmong } from './swarm-hosts.ts'
import { isClosed, isPortTaken, unplacedFailure } from './swarm-refusals.ts'
import { changeService, nodesOf, serviceOf, tasksEnded, tasksOf } from './swarm-services.ts'
import { hostIdOf, RUNTIME_LABELS, replicasOf, withReplicas } from './swarm-spec.ts'
import { hasEnded, inOrder, isRunning, isWanted, unplacedFor, wasStarted } from './swarm-tasks.ts'

/** How long to wait between two looks at a task that is to start, at first and at last. */
const FIRST_LOOK_MS = 20
const LOOK_MS = 50

/** What has become of a start: it runs, it cannot, or nobody knows yet. */
type StartOutcome = 'started' | 'pending' | StartRefusal

interface StartRefusal {
  /** The words of the scheduler, or of the node's Docker Engine. */
  readonly words: string
  /** Whether they are the scheduler's, which changes its mind when it can. */
  readonly isUnplaced: boolean
}

/** What has become of a start whose first task is among these tasks, none of which is older than the start. */
export function startOutcome(tasks: readonly SwarmTask[]): StartOutcome {
  for (const task of inOrder(tasks)) {
    // A container that ended at once was started all the same.
    if (wasStarted(task)) return 'started'
    if (hasEnded(task)) return { words: task.Status.Err ?? task.Status.State, isUnplaced: false }
    const words = unplacedFor(task)
    if (words !== null) return { words, isUnplaced: true }
  }
  return 'pending'
}

/** Which service is to be started, and the call that asked for it. */
interface Start {
  readonly id: string
  readonly call: FailedCall
  readonly abortSignal: AbortSignal
}

/**
 * Starts the container of a service, and resolves when it runs. Returns the service and its tasks from before, or null if it
 * was not this call that started it. If it cannot run, the service is as it was before, and RuntimeFailure says why.
 */
export async function startService(docker: DockerClient, start: Start): Promise<Begun | null> {
  const { id, abortSignal } = start
  const [found, listed] = await Promise.all([
    serviceOf(docker, id, abortSignal),
    tasksOf(docker, id, abortSignal),
  ])
  const tasks = inOrder(listed)
  const before = await changeService(docker, found, (service) => started(service, id), abortSignal)
  const isOurs = replicasOf(before.Spec) === 0
  // Of a service that had its container before, the newest task tells.
  const older = new Set((isOurs ? tasks : tasks.slice(0, -1)).map(({ ID }) => ID))
  const refusal = await settled(docker, { ...start, older })
  if (refusal === null) return isOurs ? { id: before.ID, tasks } : null
  const failure = await failureOf(docker, before.Spec, refusal, start)
  if (isOurs) await undo(docker, before, abortSignal)
  throw failure
}

interface Begun {
  readonly id: string
  readonly tasks: readonly SwarmTask[]
}

function started({ Spec: spec }: SwarmService, id: string): ServiceSpec | null {
  if (spec.Labels?.[RUNTIME_LABELS.leaving] !== undefined) throw leaves(id)
  return replicasOf(spec) === 0 ? withReplicas(spec, 1, { [RUNTIME_LABELS.started]: 'true' }) : null
}

/** Waits until the start has ended. Null if the container runs, otherwise why it cannot. */
async function settled(
  docker: DockerClient,
  { id, abortSignal, older }: Start & { readonly older: ReadonlySet<string> },
): Promise<StartRefusal | null> {
  let refusedMs: number | null = null
  for (let restMs = FIRST_LOOK_MS; ; restMs = Math.min(restMs * 1.5, LOOK_MS)) {
    const tasks = await tasksOf(docker, id, abortSignal)
    if (tasks.some((task) => isRunning(task) && isWanted(task))) return null
    const outcome = startOutcome(tasks.filter(({ ID }) => !older.has(ID)))
    if (outcome === 'started') return null
    if (outcome === 'pending') refusedMs = null
    else {
      refusedMs ??= performance.now()
      // A task from before the start has the port for as long as it ends.
      const isLeaving = tasks.some((task) => older.has(task.ID) && !hasEnded(task))
      if (!mayBePlaced(outcome) || (!isLeaving && performance.now() - refusedMs >= PLACE_PATIENCE_MS))
        return outcome
    }
    await delay(restMs, undefined, { signal: abortSignal })
  }
}

/**
 * How long the scheduler may be late to notice that a port was given back or that a host is there. A manager whose Docker Engine
 * stood still takes its hosts for lost when it goes on, for 0.1 to 0.2 s (20.10, measured): until they tell it of themselves.
 */
const PLACE_PATIENCE_MS = 1_000

const mayBePlaced = ({ isUnplaced, words }: StartRefusal): boolean =>
  isUnplaced && (isPortTaken(words) || isClosed(words))

async function failureOf(
  docker: DockerClient,
  spec: ServiceSpec,
  { words, isUnplaced }: StartRefusal,
  { call, abortSignal }: Start,
): Promise<RuntimeFailure> {
  const said = call.mask?.(words) ?? words
  const id = hostIdOf(spec)
  const host = id === null ? 'unknown' : hostAmong(await nodesOf(docker, abortSignal), id).name
  const ports = (spec.EndpointSpec?.Ports ?? []).flatMap(({ PublishedPort }) => PublishedPort ?? [])
  if (isUnplaced) return unplacedFailure(said, { host, ports: [...new Set(ports)] })
  const known = knownRefusal(said, call)
  if (known !== null) return new RuntimeFailure(known.code, `${known.message} (On host ${host}.)`)
  return new RuntimeFailure('refused', `Host ${host} refused to ${call.what}: ${said.slice(0, 300)}`)
}

/**
 * Takes the replica away that was given for the start, and what says that the service was started. Swarm may have tried again
 * meanwhile; that attempt has ended then, so that it takes no port from a later one.
 */
async function undo(
  docker: DockerClient,
  { ID, Spec: spec }: SwarmService,
  abortSignal: AbortSignal,
): Promise<void> {
  const label = { [RUNTIME_LABELS.started]: spec.Labels?.[RUNTIME_LABELS.started] ?? null }
  await changeService(docker, ID, (service) => withReplicas(service.Spec, 0, label), abortSignal)
  await tasksEnded(docker, ID, abortSignal)
}

const leaves = (id: string): RuntimeFailure =>
  new RuntimeFailure('not_found', `There is no service ${id} any more: it is being removed.`)
