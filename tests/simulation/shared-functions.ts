/**
 * Makes functions compiled from the same text one function. Elysia and TypeBox generate the code of handlers and validators
 * at each start of the application, always with the same text, and each seed starts it several times. So the code is
 * compiled and optimised only once. Such a function uses nothing but its arguments.
 */
export function shareFunctions(): void {
  const known = new Map<string, unknown>()
  globalThis.Function = new Proxy(Function, {
    apply: (make, _, texts: string[]) => remembered(known, texts, () => make(...texts)),
    construct: (make, texts: string[]) => remembered(known, texts, () => make(...texts)),
  })
}

function remembered(known: Map<string, unknown>, texts: readonly string[], make: () => unknown): object {
  const key = texts.join('\0')
  const made = known.get(key) ?? make()
  known.set(key, made)
  return made as object
}
