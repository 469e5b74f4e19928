/** A request as the control server sees it. */
export interface ControlRequest {
  readonly method: string
  /** The request target with its query, unchanged. */
  readonly target: string
  readonly headers: Headers
  /** Reads the whole body when it is needed. */
  readonly body: () => Promise<string>
}

/** A complete answer. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const TEXT = 'text/plain; charset=utf-8'

/** What Go's `http.Error` sends: the text and a line break. */
export const errorReply = (
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status,
  headers: { 'Content-Type': TEXT, 'X-Content-Type-Options': 'nosniff', ...headers },
  body: `${text}\n`,
})

/** JSON as Gluetun sends it: as plain text, with a line break. `text` is already JSON. */
export const jsonReply = (text: string): Reply => ({
  status: 200,
  headers: { 'Content-Type': TEXT },
  body: `${text}\n`,
})

/** An answer without a body and a content type. */
export const emptyReply: Reply = { status: 200, headers: {}, body: '' }

const REDIRECTS = { 301: 'Moved Permanently', 308: 'Permanent Redirect' } as const

/** What Go's `http.Redirect` sends for a GET. */
export const redirect = (status: keyof typeof REDIRECTS, location: string): Reply => ({
  status,
  headers: { 'Content-Type': 'text/html; charset=utf-8', Location: location },
  body: `<a href="${location}">${REDIRECTS[status]}</a>.\n\n`,
})

/** The path of a request target, without its query. */
export const pathOf = (target: string): string => target.split('?', 1)[0] ?? target
