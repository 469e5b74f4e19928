import type { InspectedContainer } from './docker-answers.ts'
import { withoutSequences } from './log-text.ts'
import type { ContainerObservation, Health } from './runtime.ts'

const VERDICTS: readonly Health[] = ['starting', 'healthy', 'unhealthy']

/** The length of a text for people; the whole log of a health check is longer. */
const TEXT_MAX = 300

type State = InspectedContainer['State']

/** Reads the result of a container's health check and its last output from Docker's answer to an inspection. */
export function healthOf(state: State): Pick<ContainerObservation, 'health' | 'healthText'> {
  const health = VERDICTS.find((verdict) => verdict === state.Health?.Status) ?? null
  return { health, healthText: health === null || health === 'healthy' ? null : lastWords(state) }
}

/**
 * The last output since the container's start. Docker also keeps the output from before the last start (20.10, measured),
 * which says nothing about this one.
 */
function lastWords({ Health, StartedAt }: State): string | null {
  const startedMs = Date.parse(StartedAt)
  const last = Health?.Log?.findLast(({ Start }) => Date.parse(Start) >= startedMs)
  return oneLine(last?.Output ?? '') || null
}

/** Removes colours and other control characters. Cuts between characters, not within one. */
function oneLine(text: string): string {
  const plain = withoutSequences(text).replace(/[\p{Cc}\s]+/gu, ' ')
  return [...plain.trim()].slice(0, TEXT_MAX).join('')
}
