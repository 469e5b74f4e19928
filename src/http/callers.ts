/** Gives the address that a request came from; null if the server does not know it. */
export type AddressOf = (request: Request) => string | null

/** Lets the connection of a request be silent for as long as possible. */
export type KeepOpen = (request: Request) => void

/** The longest time that Bun's server waits on a silent connection, in seconds. */
export const SILENCE_MAX_S = 255

/** Who sent a request, as far as that is known. */
export interface Caller {
  readonly requestId: string
  readonly address: string | null
  /** The `User-Agent`; empty if there is none. */
  readonly agent: string
  /** Whether a reverse proxy says that it passed the request on, so that the address is its own. */
  readonly isForwarded: boolean
}

/** Tells who sent a request. */
export type CallerOf = (request: Request) => Caller

/** What a `Reader` asks. */
interface Sources {
  idOf(request: Request): string
  readonly addressOf: AddressOf
}

/**
 * Tells of who sends a request what is asked for, when it is asked for: of most readers nothing but the agent is, and the
 * address costs as much as the answer. It has to be asked before the answer is sent.
 */
export class Reader implements Caller {
  #agent: string | null = null

  constructor(
    private readonly request: Request,
    private readonly sources: Sources,
  ) {}

  get requestId(): string {
    return this.sources.idOf(this.request)
  }

  get address(): string | null {
    return this.sources.addressOf(this.request)
  }

  get agent(): string {
    this.#agent ??= agentOf(this.request)
    return this.#agent
  }

  get isForwarded(): boolean {
    return isForwarded(this.request)
  }
}

/** What is known of a caller now, for whoever tells of it after the answer. */
export const noted = ({ requestId, address, agent, isForwarded }: Caller): Caller => ({
  requestId,
  address,
  agent,
  isForwarded,
})

/** How much of a `User-Agent` tells clients apart. */
const AGENT_MAX = 200

/** The `User-Agent` of a request; empty if it has none. */
const agentOf = (request: Request): string => (request.headers.get('user-agent') ?? '').slice(0, AGENT_MAX)

/** What reverse proxies add to a request. */
const FORWARDING = ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']

/** Whether a reverse proxy says that it passed the request on. */
const isForwarded = ({ headers }: Request): boolean => FORWARDING.some((name) => headers.has(name))

/**
 * Whether an address belongs to this machine, such as that of a reverse proxy in front of us, of a tool, or of the health
 * check.
 */
export const isLoopback = (address: string): boolean => /^(127\.|::1$|::ffff:127\.)/.test(address)
