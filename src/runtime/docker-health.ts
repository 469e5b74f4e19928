import type { InspectedContainer } from './docker-answers.ts'
import type { ContainerObservation, Health } from './runtime.ts'

const VERDICTS: readonly Health[] = ['starting', 'healthy', 'unhealthy']

/** One line for people, not the whole log of a check. */
const TEXT_MAX = 300

type State = InspectedContainer['State']

/** The verdict of a container's health check and its last words, from Docker's answer to an inspect. */
export function healthOf(state: State): Pick<ContainerObservation, 'health' | 'healthText'> {
  const health = VERDICTS.find((verdict) => verdict === state.Health?.Status) ?? null
  return { health, healthText: health === null || health === 'healthy' ? null : lastWords(state) }
}

/** Docker keeps what the check said before the last start (20.10, measured): that says nothing of this one. */
function lastWords({ Health, StartedAt }: State): string | null {
  const startedMs = Date.parse(StartedAt)
  const last = Health?.Log?.findLast(({ Start }) => Date.parse(Start) >= startedMs)
  return oneLine(last?.Output ?? '') || null
}

/** Without colours and other control characters; cut between characters, not within one. */
function oneLine(text: string): string {
  const plain = text.replace(/\p{Cc}\[[\d;]*m/gu, '').replace(/[\p{Cc}\s]+/gu, ' ')
  return [...plain.trim()].slice(0, TEXT_MAX).join('')
}
