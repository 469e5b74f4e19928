import { standsStill } from '../../core/containers/sync-step.ts'
import { type ContainerObservation, type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import { present } from './present.ts'

/**
 * Removes a container in the state in which it was just seen. Returns false if it did not run then but runs now: nothing was
 * done, and a new look has to decide. Throws RuntimeFailure if it can't be removed or if Docker can't be asked.
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
