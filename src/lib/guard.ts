/** Receives errors of work that nobody waits for. */
export type OnError = (error: unknown) => void

/**
 * Wraps a function so that its errors go to `onError` and no further. Use it for everything that the event loop calls, such
 * as timers, listeners and messages of workers: an error there would end the process.
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

/** Wraps each of several functions like `guarded`, for example all handlers of one source. */
export function guardedAll<Handlers extends object>(
  handlers: { readonly [Name in keyof Handlers]: Handlers[Name] & ((...args: never[]) => void) },
  onError: OnError,
): Handlers {
  const entries = Object.entries<(...args: never[]) => void>(handlers)
  return Object.fromEntries(entries.map(([name, work]) => [name, guarded(work, onError)])) as Handlers
}
