import type { Engine } from '../api/types.ts'
import { isFree, type Tone } from './verdict.ts'
import { count } from './words.ts'

/** How an engine is, in a word. `rank` sorts the worst first and free ones last. */
export interface EngineState {
  readonly tone: Tone
  readonly word: string
  readonly rank: number
}

export function engineState(engine: Engine): EngineState {
  const { status, health_status: health, streams, plays_nothing_since: mute } = engine
  if (status === 'draining') return { tone: 'busy', word: 'draining', rank: 2 }
  if (status === 'provisioning' || status === 'starting') return { tone: 'busy', word: 'starting', rank: 3 }
  if (health === 'unhealthy') return { tone: 'bad', word: 'unhealthy', rank: 0 }
  if (mute !== null) return { tone: 'warn', word: 'plays nothing', rank: 1 }
  if (!engine.listed) return { tone: 'warn', word: 'hidden', rank: 1 }
  if (streams.length > 0) return { tone: 'ok', word: count(streams.length, 'stream'), rank: 4 }
  if (isFree(engine)) return { tone: 'ok', word: 'free', rank: 6 }
  return { tone: 'busy', word: 'expected', rank: 5 }
}
