/** Forbids a browser everything for an answer that is not a page. */
const POLICY = "default-src 'none'; frame-ancestors 'none'"

const MARK = 'x-content-type-options'

/** Headers that keep a browser from guessing another content type and from showing an answer inside a page of others. */
export const SHIELD: Readonly<Record<string, string>> = {
  [MARK]: 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': POLICY,
}

/** Adds the headers of `SHIELD` to an answer that was made without them. A page keeps its own policy. */
export function shielded(answer: Response): Response {
  const { headers } = answer
  if (headers.has(MARK)) return answer
  for (const [name, value] of Object.entries(SHIELD)) if (!headers.has(name)) headers.set(name, value)
  return answer
}
