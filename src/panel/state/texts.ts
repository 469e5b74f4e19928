/** What keeps short texts: for a tab's session, or for a browser. */
export type Texts = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/**
 * A storage of the browser that never throws. Where the browser blocks it (its name alone may throw then) or it is full,
 * nothing is kept, and the page does what it does without.
 */
export function textsOf(open: () => Texts): Texts {
  const attempt = <Answer>(use: (texts: Texts) => Answer, otherwise: Answer): Answer => {
    try {
      return use(open())
    } catch {
      return otherwise
    }
  }
  return {
    getItem: (name) => attempt((texts) => texts.getItem(name), null),
    setItem: (name, text) => attempt((texts) => texts.setItem(name, text), undefined),
    removeItem: (name) => attempt((texts) => texts.removeItem(name), undefined),
  }
}
