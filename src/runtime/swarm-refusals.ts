import type { Refusal } from './docker-refusals.ts'
import { RuntimeFailure } from './runtime.ts'

/** What a manager of a swarm says (Docker 20.10, measured), beside what a Docker Engine says. */
export const SWARM_REFUSALS: readonly Refusal[] = [
  {
    pattern: /(This node is not (?:a swarm manager|part of a swarm))/,
    code: 'unreachable',
    message: (_, { address }) =>
      `Docker at ${address} is no manager of a swarm: run "docker swarm init" there, or set DOCKER_HOST to a manager.`,
  },
  {
    pattern: /(The swarm does not have a leader)/,
    code: 'unreachable',
    message: (_, { address }) =>
      `The swarm of Docker at ${address} has no leader: bring more than half of its managers back, and see "docker node ls".`,
  },
  {
    pattern: /(Swarm is encrypted)/,
    code: 'unreachable',
    message: (_, { address }) =>
      `The swarm of Docker at ${address} is locked: run "docker swarm unlock" there.`,
  },
  {
    pattern: /service (\S+) already exists/,
    code: 'conflict',
    message: (name) => `Another service has the name ${name}: remove or rename it.`,
  },
  {
    // A port of the routing mesh belongs to the whole swarm, so this is said as soon as a service asks for it.
    pattern: /port '(\d+)' is already in use by service/,
    code: 'port_taken',
    message: (port) => `Another service has the port ${port} of all hosts.`,
  },
  {
    pattern: /(?:service|task) (\S+) not found/,
    code: 'not_found',
    message: (id) => `There is no service ${id}.`,
  },
  {
    pattern: /(name must be .*)/,
    code: 'refused',
    message: (why) => `A service cannot have this name: ${why}.`,
  },
]

/** Whether the scheduler puts a task on no node because another one has its port. */
export const isPortTaken = (words: string): boolean => /host-mode port already in use/.test(words)

/** Whether the scheduler puts a task on no node because a node is away or takes no containers. */
export const isClosed = (words: string): boolean => /not available for new tasks/.test(words)

/** Why the scheduler puts a task on no node, as the failure of its start. */
export function unplacedFailure(words: string, task: UnplacedTask): RuntimeFailure {
  const { ports, host } = task
  if (isPortTaken(words)) {
    const which = ports.length === 1 ? `the port ${ports[0]}` : `one of the ports ${ports.join(', ')}`
    return new RuntimeFailure('port_taken', `Another service has ${which} of host ${host}.`)
  }
  if (/insufficient resources/.test(words))
    return new RuntimeFailure(
      'refused',
      `Host ${host} is short of memory or processors for the engine: ${words}.`,
    )
  if (/unsupported platform|missing plugin|cannot fulfill requested volumes/.test(words))
    return new RuntimeFailure('refused', `Host ${host} cannot run the engine: ${words}.`)
  const remedy = `see "docker node ls", and "docker node update --availability active ${host}"`
  return new RuntimeFailure('no_host', `Host ${host} is away or takes no containers: ${remedy}.`)
}

/** What the scheduler does not name when it says why. */
interface UnplacedTask {
  /** The name of the host that the task is bound to. */
  readonly host: string
  /** The ports that it is to have there. */
  readonly ports: readonly number[]
}
