/**
 * A stand-in for docker-socket-proxy (Tecnativa) as a program: passes on what its variables allow, by the rules of its
 * haproxy.cfg, and answers everything else with its page.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

/** The parts of Docker's API that a variable of the same name allows, and which of them are allowed without it. */
const PARTS = ['containers', 'events', 'exec', 'images', 'info', 'networks', 'ping', 'version', 'volumes']
const DEFAULTS: Readonly<Record<string, string>> = { EVENTS: '1', PING: '1', VERSION: '1' }
const PAGE =
  '<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n'

const isOn = (name: string): boolean => (process.env[name] ?? DEFAULTS[name] ?? '0') === '1'

function isAllowed({ method = '', url = '' }: IncomingMessage): boolean {
  if (method !== 'GET' && method !== 'HEAD' && !isOn('POST')) return false
  const part = /^(?:\/v[\d.]+)?\/_?([a-z]+)/.exec(url)?.[1] ?? ''
  return PARTS.includes(part) && isOn(part.toUpperCase())
}

function answer(question: IncomingMessage, response: ServerResponse): void {
  if (!isAllowed(question)) {
    response.writeHead(403, { 'content-type': 'text/html' }).end(PAGE)
    return
  }
  const { method, url: path, headers } = question
  const passed = request({ socketPath: '/var/run/docker.sock', method, path, headers }, (docker) => {
    response.writeHead(docker.statusCode ?? 502, docker.headers)
    response.flushHeaders()
    docker.pipe(response)
  })
  passed.on('error', () => response.destroy())
  response.on('close', () => passed.destroy())
  question.pipe(passed)
}

createServer(answer).listen(2375, '0.0.0.0')

// The first process of a container has no default signal handlers.
process.on('SIGTERM', () => process.exit(0))
