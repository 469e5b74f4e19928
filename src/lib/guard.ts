/** Hears of an error in work that nobody waits for. */
export type OnError = (error: unknown) => void

/**
 * The work with an edge: what it throws goes to `onError` and no further. For whatever the event loop calls, such as timers, listeners
 * and messages of workers: an error there would end the process.
 */
export const guarded =
  <Args extends readonly unknown[]>(work: (...args: Args) => void, onError: OnError) =>
  (...args: Args): void => {
    try {
      work(...args)
    } catch (error) {
      onError(error)
    }
  }
