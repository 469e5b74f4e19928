import type { Mask } from '../core/secrets.ts'
import type { RuntimeFailureCode } from './runtime.ts'

/** The call that failed, for the message of its failure. */
export interface FailedCall {
  /** What was asked, as the rest of "Docker refused to …". */
  readonly what: string
  /**
   * The container as the caller named it; null if there is none yet. It tells "this container is not found" from "its
   * network container is not found".
   */
  readonly id: string | null
  /** The socket or host of the Docker Engine. */
  readonly address: string
  /** What a socket proxy has to allow for it. */
  readonly needs?: { readonly what: string; readonly setting: string }
  /** Masks what Docker says: it may quote a command, with the secrets in it. */
  readonly mask?: Mask
  /** What Docker may say to this call beside what it says to all; looked at first. */
  readonly refusals?: readonly Refusal[]
}

/** Words of Docker, and what they mean. */
export interface Refusal {
  /** Its first group is the part that names something. */
  readonly pattern: RegExp
  readonly code: RuntimeFailureCode | ((part: string, call: FailedCall) => RuntimeFailureCode)
  /** Makes one sentence that says what to do, from the part that the pattern matched. */
  readonly message: (part: string, call: FailedCall) => string
}

/** What names a thing that is not there, or that somebody else has. */
const THINGS: readonly Refusal[] = [
  {
    pattern: /[Nn]o such image: (\S+?)(?:: image not known)?$/,
    code: 'image_missing',
    message: imageMissing,
  },
  { pattern: /(?:^|image: )(\S+): image not known/, code: 'image_missing', message: imageMissing },
  {
    pattern: /failed to find image (\S+): .*[Nn]o such image/,
    code: 'image_missing',
    message: imageMissing,
  },
  {
    pattern: /(?:container )?name "\/?([^"]+)" is (?:already )?in use/,
    code: 'conflict',
    message: (name) => `Another container has the name ${name}: remove or rename it.`,
  },
  {
    pattern: /cannot join network (?:namespace )?of a non[ -]running container: (\S+)/,
    code: 'no_network_container',
    message: (owner) => `Container ${owner}, whose network is to be joined, does not run: start it first.`,
  },
  {
    // Docker says this only about the network container: starting a container that restarts is no error.
    pattern: /Container (\S+) is restarting, wait until the container is running/,
    code: 'no_network_container',
    message: (owner) => `Container ${owner}, whose network is to be joined, is restarting: see its log.`,
  },
  { pattern: /network (\S+) not found/, code: 'refused', message: networkMissing },
  { pattern: /unable to find network with name or ID (\S+):/, code: 'refused', message: networkMissing },
  { pattern: /[Nn]o such container: (\S+)/, code: containerOrNetwork, message: containerMissing },
  {
    pattern: /no container with (?:name or )?ID "?([^\s"]+)"? found/,
    code: containerOrNetwork,
    message: containerMissing,
  },
  {
    // The command disappeared together with its container.
    pattern: /[Nn]o such exec (?:instance|session): (\S+)/,
    code: 'not_found',
    message: (_, call) => `Container ${call.id} was removed while a command was to run in it.`,
  },
]

/** A port that the host does not give: another one may do. */
const PORTS: readonly Refusal[] = [
  {
    pattern: /Bind for (\S+) failed: port is already allocated/,
    code: 'port_taken',
    message: (port) => `Another container has the host port ${port}.`,
  },
  {
    pattern: /listen (?:tcp|udp)[46]? (\S+): bind: address already in use/,
    code: 'port_taken',
    message: otherProcess,
  },
  {
    pattern: /failed to bind host port (?:for )?(\S+?):? address already in use/,
    code: 'port_taken',
    message: otherProcess,
  },
  {
    pattern:
      /listen (?:tcp|udp)[46]? (\S+): bind: (?:Only one usage of|.*forbidden by its access|permission denied|.*in a state that)/,
    code: 'port_taken',
    message: notGiven,
  },
  {
    pattern: /failed to bind host port (?:for )?(\S+?):? permission denied/,
    code: 'port_taken',
    message: notGiven,
  },
  // VPNKit, in front of Docker Desktop 1 and 2.
  {
    pattern: /Bind for (\S+): unexpected error (?:[Pp]ermission denied|\(?Failure EADDRINUSE)/,
    code: 'port_taken',
    message: notGiven,
  },
  { pattern: /mkdir \/port\/(?:tcp|udp):(\S+?):(?:tcp|udp):/, code: 'port_taken', message: notGiven },
  {
    // No other port helps where the host does not have the address.
    pattern: /[Pp]orts are not available: (?!.*assign requested address)(?:exposing port )?(.*\S)/,
    code: 'port_taken',
    message: (why) => `The host does not give the port: ${why}`,
  },
]

/** What the host of Docker lacks or forbids, whatever image is to run: no other port helps. */
const HOST: readonly Refusal[] = [
  {
    pattern: /container-init binary not found on the host: stat (\S+):/,
    code: 'refused',
    message: (path) =>
      `Podman lacks the first process of containers (${path}): install catatonit on its host.`,
  },
  {
    pattern:
      /((?:ip6?tables|nftables|firewalld)\b.*?(?:failed|does not exist|[Pp]ermission denied|by that name|COMMAND_FAILED).*)/,
    code: 'refused',
    message: firewall,
  },
  { pattern: /((?:COMMAND_FAILED|INVALID_ZONE|ZONE_CONFLICT).*)/, code: 'refused', message: firewall },
  {
    pattern: /(no available IPv[46] addresses|could not find an available, non-overlapping IPv[46])/,
    code: 'refused',
    message: (why) =>
      `Docker has no address left for a container (${why}): remove unused networks or containers.`,
  },
  {
    pattern: /(.*can(?:no|')t assign requested address)/,
    code: 'refused',
    message: addressMissing,
  },
  {
    pattern: /((?:failed to create endpoint|netavark:|plugin type="bridge" failed|could not find bridge).*)/,
    code: 'refused',
    message: (why) =>
      `Docker could not put the container into its network (${shortened(why)}): restart the host if its kernel was ` +
      'updated, otherwise Docker.',
  },
  {
    pattern: /(no space left on device|disk quota exceeded)/,
    code: 'refused',
    message: (why) => `The host of Docker has no room left (${why}): make some.`,
  },
  {
    pattern: /(cannot allocate memory|too many open files|resource temporarily unavailable)/,
    code: 'refused',
    message: (why) => `The host of Docker is short of something (${why}): see its memory and its limits.`,
  },
  {
    // The runtime of containers says these of the host, before the process of the container begins.
    pattern: /((?:error setting rlimit|apparmor|seccomp|cgroups?\b|bpf_prog).*)/i,
    code: 'refused',
    message: (why) =>
      `The host of Docker does not allow the container its limits or rights: ${shortened(why)}`,
  },
]

/** What names the image or its process: the same engine starts nowhere. */
const IMAGE: readonly Refusal[] = [
  {
    pattern: /exec: \\*"([^"\\]+)\\*":.*(?:no such file|not found|permission denied|is a directory)/,
    code: 'unrunnable',
    message: (command) =>
      `The image has no command "${command}" that can run: check the command and the image.`,
  },
  {
    pattern: /exec:? "?([^\s":]+)"?: (exec format error)/,
    code: 'unrunnable',
    message: (command) =>
      `The command "${command}" is no program for this host (exec format error): check the architecture of the image.`,
  },
  {
    pattern: /((?:OCI runtime|container process|exec format error).*)/,
    code: 'unrunnable',
    message: (why) => `The container of the image cannot run: ${shortened(why)}`,
  },
]

/**
 * Maps Docker's messages to our codes; the first match wins. The status code alone is not enough: 500 stands for a taken
 * port as well as for a broken disk, and 404 for an image, a network, a container or its network container. The texts are
 * those of Docker 20.10 (measured) and, for ports, of Docker 28 (moby `libnetwork/portmapper`), of the programs that Docker
 * Desktop and rootless Docker ask for a port, and of Podman 4.3 (measured).
 */
const REFUSALS: readonly Refusal[] = [
  ...THINGS,
  ...PORTS,
  // A command that is missing may have any name, also one that a pattern for the host has.
  ...IMAGE.slice(0, 2),
  ...HOST,
  ...IMAGE.slice(2),
]

/** What Docker's words mean, in our code and a sentence that says what to do; null if they are not known. */
export function knownRefusal(
  words: string,
  call: FailedCall,
): { readonly code: RuntimeFailureCode; readonly message: string } | null {
  for (const { pattern, code, message } of [...(call.refusals ?? []), ...REFUSALS]) {
    const part = pattern.exec(words)?.[1]
    if (!part) continue
    const known = typeof code === 'string' ? code : code(part, call)
    return { code: known, message: message(part, call) }
  }
  return null
}

function imageMissing(image: string): string {
  return `Image ${image} is not on this host: get it with "docker pull ${image}".`
}

function networkMissing(network: string): string {
  return `Network ${network} is not known to Docker: create it with "docker network create ${network}".`
}

function containerOrNetwork(id: string, call: FailedCall): RuntimeFailureCode {
  return id === call.id ? 'not_found' : 'no_network_container'
}

function containerMissing(id: string, call: FailedCall): string {
  return id === call.id
    ? `There is no container ${id}.`
    : `There is no container ${id}, whose network is to be joined.`
}

function otherProcess(port: string): string {
  return `Another process on the host has the port ${port}.`
}

function notGiven(port: string): string {
  return `The host does not give the port ${port}: its system reserves it, or another process has it.`
}

function addressMissing(why: string): string {
  const address = /(\[[\da-f:]+\]|\d+(?:\.\d+){3}):\d/.exec(why)?.[1]
  return (
    `The host of Docker does not have the address ${address ?? 'that ports are to be published on'} ` +
    '(cannot assign requested address): set PUBLISH_ADDRESS to one that it has, or leave it out.'
  )
}

function firewall(why: string): string {
  return (
    `The firewall of the host does not take a rule of Docker (${shortened(why)}): restart Docker, which writes its rules ` +
    'anew, and do so after each restart of the firewall.'
  )
}

/** The first line, and not all of a long one. */
const shortened = (words: string): string => words.split('\n', 1)[0]?.slice(0, 200).trim() ?? ''
