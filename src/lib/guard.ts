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

/** The same for each of several, as the handlers of one source are. */
export function guardedAll<Handlers extends object>(
  handlers: { readonly [Name in keyof Handlers]: Handlers[Name] & ((...args: never[]) => void) },
  onError: OnError,
): Handlers {
  const entries = Object.entries<(...args: never[]) => void>(handlers)
  return Object.fromEntries(entries.map(([name, work]) => [name, guarded(work, onError)])) as Handlers
}
