import { useContext, useEffect } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'
import { Poll } from '../state/poll.ts'

const EVERY_MS = 5_000

/** Asks a question of the same `subject` every 5 s while the component is there and the page is seen. */
export function usePoll<Answer>(
  subject: string,
  ask: (signal: AbortSignal) => Promise<Answer>,
  onAnswer: (answer: Answer) => void,
): void {
  const acts = useContext(ActsContext)
  useEffect(() => {
    const isSeen = (): boolean => document.visibilityState === 'visible'
    const poll = new Poll({
      ...{ ask, onAnswer, isSeen },
      everyMs: EVERY_MS,
      after: (ms, callback) => acts.after(ms, callback),
    })
    const see = (): void => (isSeen() ? poll.start() : undefined)
    document.addEventListener('visibilitychange', see)
    poll.start()
    return () => {
      document.removeEventListener('visibilitychange', see)
      poll.stop()
    }
  }, [subject])
}
