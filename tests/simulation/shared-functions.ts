/**
 * Has what is made of the same text be one function. Elysia and TypeBox write the code of handlers and validators at each start of the
 * application, always in the same words, and each seed starts it several times: it is compiled, and made fast, once. Such a function
 * knows nothing but its arguments.
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
