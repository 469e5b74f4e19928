import type { SwarmNode, SwarmService, SwarmTask } from '../../src/runtime/swarm-answers.ts'

/** The time of a step: whole seconds after the beginning of a day. */
export const at = (seconds: number): string => new Date(Date.UTC(2026, 10, 29) + seconds * 1000).toISOString()

/** A service bound to the node `node-1`, which has one replica and was started. */
export function aService(changes: Partial<SwarmService['Spec']> = {}, id = 'service-1'): SwarmService {
  return {
    ID: id,
    Version: { Index: 7 },
    CreatedAt: at(0),
    Spec: {
      Name: 'acestream-1',
      Labels: { colour: 'blue', 'roundhouse.runtime.started': 'true' },
      TaskTemplate: {
        ContainerSpec: { Image: 'engine:1' },
        Placement: { Constraints: ['node.id==node-1'] },
        RestartPolicy: { Condition: 'any' },
      },
      Mode: { Replicated: { Replicas: 1 } },
      ...changes,
    },
  }
}

/** The labels of a service that was never started. */
export const NOT_STARTED = { Labels: { colour: 'blue' }, Mode: { Replicated: { Replicas: 0 } } }
/** The mode of a service that a call has stopped. */
export const STOPPED = { Mode: { Replicated: { Replicas: 0 } } }

/** A task of that service on its node, made `seconds` after the service, which runs. */
export function aTask(seconds: number, changes: Partial<SwarmTask> = {}): SwarmTask {
  return {
    ID: `task-${seconds}`,
    CreatedAt: at(seconds),
    ServiceID: 'service-1',
    NodeID: 'node-1',
    DesiredState: 'running',
    Status: { Timestamp: at(seconds + 1), State: 'running', Message: 'started' },
    ...changes,
  }
}

/** The same task when its container has ended by itself. */
export const ended = (seconds: number, exitCode = 7): SwarmTask =>
  aTask(seconds, {
    DesiredState: 'shutdown',
    Status: {
      ...{ Timestamp: at(seconds + 2), State: 'failed', Message: 'started' },
      ...{ Err: `task: non-zero exit (${exitCode})`, ContainerStatus: { ExitCode: exitCode } },
    },
  })

/** A task whose container its node has made and not begun to start. */
export const ready = (seconds: number, changes: Partial<SwarmTask> = {}): SwarmTask =>
  aTask(seconds, {
    DesiredState: 'ready',
    Status: { Timestamp: at(seconds), State: 'ready', Message: 'prepared' },
    ...changes,
  })

/** A task that Swarm has taken away because a call stopped the service; it tells not whether it ever ran. */
export const takenAway = (seconds: number): SwarmTask =>
  aTask(seconds, {
    DesiredState: 'remove',
    Status: { Timestamp: at(seconds + 1), State: 'shutdown', Message: 'shutdown' },
  })

/** A task that the scheduler puts nowhere. */
export const unplaced = (seconds: number, why: string): SwarmTask =>
  aTask(seconds, {
    NodeID: '',
    Status: {
      Timestamp: at(seconds),
      State: 'pending',
      Message: 'pending task scheduling',
      Err: `no suitable node (${why})`,
    },
  })

/** A task that its node could not start, with the words of its Docker Engine. */
export const refused = (seconds: number, Err: string, State = 'failed'): SwarmTask =>
  aTask(seconds, {
    DesiredState: 'shutdown',
    Status: { Timestamp: at(seconds), State, Message: 'starting', Err },
  })

export const PORT_USED =
  'scheduling constraints not satisfied on 1 node; host-mode port already in use on 1 node'
export const CLOSED = '1 node not available for new tasks; scheduling constraints not satisfied on 1 node'

export function aNode(changes: Partial<SwarmNode> = {}): SwarmNode {
  return {
    ID: 'node-1',
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Description: { Hostname: 'shed', Platform: { Architecture: 'x86_64', OS: 'linux' } },
    Status: { State: 'ready', Addr: '192.0.2.1' },
    ...changes,
  }
}

export const LOST = aNode({ Status: { State: 'down', Addr: '192.0.2.1' } })
export const DRAINED = aNode({ Spec: { Labels: {}, Role: 'worker', Availability: 'drain' } })
