import type { Status } from '../api/types.ts'
import { timeText } from './words.ts'

type Warning = Status['warnings'][number]

/** The warning of a Docker that does not answer, by its code; null if it answers, as far as the status tells. */
export const silenceOf = ({ warnings }: Pick<Status, 'warnings'>): Warning | null =>
  warnings.find(({ code }) => code === 'docker_silent') ?? null

/** Why what needs Docker can't be done now; null if Docker answers. */
export function dockerSilence(status: Pick<Status, 'warnings'>): string | null {
  const silence = silenceOf(status)
  return silence === null ? null : `Docker is silent since ${timeText(silence.since)}`
}
