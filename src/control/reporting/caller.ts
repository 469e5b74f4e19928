/** Who sent a request, as far as that is known. */
export interface Caller {
  /** The id of the request, which its answer has as well. */
  readonly requestId: string
  readonly address: string | null
  /** The `User-Agent`; empty if there is none. */
  readonly agent: string
  /** Whether a reverse proxy says that it passed the request on, so that the address is its own. */
  readonly isForwarded: boolean
}

/** The caller as members of a line in the log. */
export const callerMembers = ({ requestId, address, agent }: Caller) => ({
  from: address,
  ...(agent === '' ? {} : { agent }),
  request: requestId,
})
