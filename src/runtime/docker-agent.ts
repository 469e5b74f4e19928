import { Agent, type AgentOptions, type ClientRequest, type IncomingMessage } from 'node:http'
import { inspect } from 'node:util'
import { NotDockers } from './docker-failures.ts'

/** Most of an answer that is read, in bytes: the list of some thousand containers. */
export const DOCKER_ANSWER_BYTES_MAX = 16 * 1024 * 1024

/** The part of Node's agents that its types leave out: each request is handed to it before it is sent. */
interface RequestTaker {
  addRequest(request: ClientRequest, ...rest: unknown[]): void
}

const NodeAgent = Agent as unknown as new (options: AgentOptions) => Agent & RequestTaker

/**
 * Bounds what is read of an answer, which docker-modem gathers whatever its length. What is read as a stream is bounded where
 * that is done (events by the line, the output of commands by its beginning).
 */
export class BoundedAgent extends NodeAgent {
  override addRequest(request: ClientRequest, ...rest: unknown[]): void {
    // Ahead of the library, so that both see the answer from its first byte on.
    request.prependListener('response', (answer) => bound(request, answer))
    super.addRequest(request, ...rest)
  }

  /**
   * docker-modem 5.0.7 formats the options of every request for its debug output, to any depth and also when
   * nobody reads it: through the agent that is every open socket. 200 pings at once took 4.8 s of processor
   * time, 13 ms so.
   */
  [inspect.custom](): string {
    return 'Agent'
  }
}

function bound(request: ClientRequest, answer: IncomingMessage): void {
  if (isStream(request) && answer.statusCode === 200) return
  let bytes = 0
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > DOCKER_ANSWER_BYTES_MAX) request.destroy(new NotDockers('an answer without an end'))
  })
}

const isStream = ({ path }: ClientRequest): boolean => /^\/events\?|^\/exec\/[^/]+\/start$/.test(path)
