import { Agent, type AgentOptions, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { inspect } from 'node:util'
import { NotDockers } from './docker-failures.ts'

/** How many bytes of an answer are read at most. This is enough for a list of some thousand containers. */
export const DOCKER_ANSWER_BYTES_MAX = 16 * 1024 * 1024

/** The part of Node's agents that its types leave out: each request is handed to `addRequest` before it is sent. */
interface RequestTaker {
  addRequest(request: ClientRequest, ...rest: unknown[]): void
}

type AgentClass = new (options: AgentOptions) => Agent & RequestTaker

const NodeAgent = Agent as unknown as AgentClass
const NodeTlsAgent = TlsAgent as unknown as AgentClass

/**
 * docker-modem 5.0.7 formats the options of every request for its debug output, to any depth, even if nobody reads that
 * output. Through the agent this would include every open socket: 200 pings at once took 4.8 s of processor time, and take
 * 13 ms if agents are formatted as this word.
 */
const FORMATTED = 'Agent'

/**
 * Bounds how much of an answer is read, because docker-modem collects an answer of any length. Answers that are read as a
 * stream are bounded where they are read: events and pulls by the length of a line, the output of commands and containers by
 * keeping only its beginning or its end.
 */
export class BoundedAgent extends NodeAgent {
  override addRequest(request: ClientRequest, ...rest: unknown[]): void {
    watch(request)
    super.addRequest(request, ...rest)
  }

  [inspect.custom](): string {
    return FORMATTED
  }
}

/** The same for connections with TLS. */
export class BoundedTlsAgent extends NodeTlsAgent {
  override addRequest(request: ClientRequest, ...rest: unknown[]): void {
    watch(request)
    super.addRequest(request, ...rest)
  }

  [inspect.custom](): string {
    return FORMATTED
  }
}

/** Adds a listener that runs before the library's, so that both see the answer from its first byte. */
function watch(request: ClientRequest): void {
  request.prependListener('response', (answer) => bound(request, answer))
}

function bound(request: ClientRequest, answer: IncomingMessage): void {
  if (isStream(request) && answer.statusCode === 200) return
  let bytes = 0
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > DOCKER_ANSWER_BYTES_MAX) request.destroy(new NotDockers('an answer without an end'))
  })
}

const STREAMS =
  /^\/(?:events\?|exec\/[^/]+\/start$|(?:containers|services|tasks)\/[^/]+\/logs\?|images\/create\?)/

const isStream = ({ path }: ClientRequest): boolean => STREAMS.test(path)
