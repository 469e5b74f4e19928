import { type ContainerObservation, RuntimeFailure } from '../../runtime/runtime.ts'

/** The container; null if Docker, asked just now, does not have it. Any other error is thrown. */
export async function present(answer: Promise<ContainerObservation>): Promise<ContainerObservation | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof RuntimeFailure && error.code === 'not_found') return null
    throw error
  }
}
