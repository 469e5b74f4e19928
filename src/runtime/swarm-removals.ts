import type { DockerClient } from './docker-connection.ts'
import { RuntimeFailure } from './runtime.ts'
import type { SwarmService } from './swarm-answers.ts'
import { fromService } from './swarm-observation.ts'
import { changeService, isNoService, nodesOf, removeService, tasksEnded, tasksOf } from './swarm-services.ts'
import { RUNTIME_LABELS, replicasOf, withReplicas } from './swarm-spec.ts'

/** Takes the replica of a service away, and resolves when no container of it runs. */
export async function stopService(docker: DockerClient, id: string, abortSignal: AbortSignal): Promise<void> {
  await changeService(
    docker,
    id,
    ({ Spec: spec }) => (replicasOf(spec) === 0 ? null : withReplicas(spec, 0, {})),
    abortSignal,
  )
  await tasksEnded(docker, id, abortSignal)
}

/**
 * Removes a service when its container has ended, so that its name and its ports are free. It is marked first: nobody starts
 * it from then on. A container on a node that is lost is not waited for; Swarm ends it when the node comes back.
 */
export async function removeWhole(docker: DockerClient, id: string, abortSignal: AbortSignal): Promise<void> {
  try {
    const { Spec: spec } = await changeService(docker, id, leaving, abortSignal)
    // Anything but a number of containers ends only with the removal.
    if (replicasOf(spec) !== null) await tasksEnded(docker, id, abortSignal)
    await removeService(docker, id, abortSignal)
  } catch (error) {
    if (!isNoService(error)) throw error
  }
}

/**
 * Removes a service whose container does not run. If it does, or is started before the service is marked, throws
 * RuntimeFailure `refused` and changes nothing.
 */
export async function removeIdle(docker: DockerClient, id: string, abortSignal: AbortSignal): Promise<void> {
  try {
    const [nodes, tasks] = await Promise.all([nodesOf(docker, abortSignal), tasksOf(docker, id, abortSignal)])
    const checked = (service: SwarmService) => {
      const { state } = fromService({ service, tasks, nodes }, null)
      if (state === 'running' || state === 'restarting') throw runs(id)
      return leaving(service)
    }
    await changeService(docker, id, checked, abortSignal)
  } catch (error) {
    if (!isNoService(error)) throw error
    return
  }
  await removeWhole(docker, id, abortSignal)
}

/** Only what has a number of containers can be left without one; anything else ends with its removal. */
function leaving({ Spec: spec }: SwarmService) {
  if (replicasOf(spec) === null || spec.Labels?.[RUNTIME_LABELS.leaving] !== undefined) return null
  return withReplicas(spec, 0, { [RUNTIME_LABELS.leaving]: 'true' })
}

const runs = (id: string): RuntimeFailure =>
  new RuntimeFailure('refused', `Service ${id} runs, so it is not removed.`)
