import { type ContainerObservation, RuntimeFailure } from '../../runtime/runtime.ts'

/** What is there; null when the container engine, asked just now, does not have it. */
export async function present(answer: Promise<ContainerObservation>): Promise<ContainerObservation | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof RuntimeFailure && error.code === 'not_found') return null
    throw error
  }
}
