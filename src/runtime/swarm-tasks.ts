import type { SwarmTask } from './swarm-answers.ts'

/*
 * A service runs its container in tasks. A task is put on a node once and runs once: where a container ends, Swarm makes
 * another task with another container, and keeps the last few tasks that ended.
 */

/** The states in which a task has no container that runs, and never will have. */
const ENDED = new Set(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'])

/** The tasks, oldest first. */
export const inOrder = (tasks: readonly SwarmTask[]): SwarmTask[] =>
  tasks.toSorted((a, b) => (a.CreatedAt < b.CreatedAt ? -1 : 1))

export const hasEnded = ({ Status }: SwarmTask): boolean => ENDED.has(Status.State)

/** Whether the task is on a node that may still have a container of it. Elsewhere Swarm only takes note of its end. */
export const isHeld = (task: SwarmTask): boolean => Boolean(task.NodeID) && !hasEnded(task)

/** Whether the container of the task runs; also while it is being stopped. */
export const isRunning = ({ Status }: SwarmTask): boolean => Status.State === 'running'

/** Whether Swarm wants the task to run. It wants another one to end. */
export const isWanted = ({ DesiredState }: SwarmTask): boolean =>
  DesiredState === 'running' || DesiredState === 'ready'

/** The states in which Swarm has not begun to start the container of a task. */
const WAITING = new Set(['new', 'pending', 'assigned', 'accepted', 'preparing', 'ready'])

export const isWaiting = ({ Status }: SwarmTask): boolean => WAITING.has(Status.State)

/**
 * Whether a task of a service without replicas is one that Swarm takes away before it is started: where a container ends while
 * a call stops its service, Swarm makes another task all the same. One was seen for 160 ms after a stop had been answered.
 */
export const isStray = (task: SwarmTask): boolean => isWaiting(task) && task.DesiredState !== 'running'

/** Whether Swarm has taken the task away. Then nobody can tell if it was ever started. */
export const isTakenAway = (task: SwarmTask): boolean => hasEnded(task) && task.Status.Message === 'shutdown'

/** Whether the container of the task was started, whatever became of it; also where nobody can tell. */
export const wasStarted = (task: SwarmTask): boolean =>
  isRunning(task) || ['started', 'finished', 'shutdown'].includes(task.Status.Message ?? '')

/** The scheduler's words why it puts the task on no node; null if it is on one, or may soon be. */
export const unplacedFor = ({ NodeID, Status }: SwarmTask): string | null =>
  !NodeID && Status.State === 'pending' && Status.Err ? Status.Err : null
