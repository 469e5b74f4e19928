/** The part of a server that knows where a request came from. */
interface Door {
  requestIP(request: Request): { readonly address: string } | null
}

/** The address that a request came from; null where the server does not tell. */
export type AddressOf = (request: Request, server: Door | null) => string | null

/** Whether an address is this machine's own: a proxy in front of us, tools, the healthcheck. */
export const isLoopback = (address: string): boolean => /^(127\.|::1$|::ffff:127\.)/.test(address)
