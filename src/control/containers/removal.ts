import { standsStill } from '../../core/containers/sync-step.ts'
import { type ContainerObservation, type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import { present } from './present.ts'

/**
 * Removes a container as it was just seen. False when it stood still then and runs by now: nothing was done, and a new look has
 * to decide. Throws RuntimeFailure where it can't be removed, or Docker can't be asked.
 */
export async function removeAsSeen(
  runtime: Pick<Runtime, 'destroy' | 'discard' | 'inspect'>,
  { id, state }: Pick<ContainerObservation, 'id' | 'state'>,
): Promise<boolean> {
  if (!standsStill(state)) {
    await runtime.destroy(id)
    return true
  }
  try {
    await runtime.discard(id)
    return true
  } catch (error) {
    if (!(error instanceof RuntimeFailure) || error.code !== 'refused') throw error
    const now = await present(runtime.inspect(id))
    if (now !== null && standsStill(now.state)) throw error
    return now === null
  }
}
