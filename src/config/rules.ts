/** Dependencies between settings: rules that make a configuration unusable, and advice that only warns. */
import { isIP } from 'node:net'
import type { PortRange } from '../core/engines/ports.ts'
import { FIXED_PORTS, freePort, holds, neededBesides } from '../core/engines/ports.ts'
import { hostInUrl, isEverywhere } from '../core/host-port.ts'
import { plainAtTlsPort, usesTls } from './docker-tls.ts'
import { portNamedTwice, portUsedOtherwise, strangerWithPorts } from './fixed-port-rules.ts'
import { isLoopback } from './loopback.ts'
import { publishedHost, tellsPublished } from './publishing.ts'
import type { Rule } from './rule.ts'
import type { Config, SettingName } from './settings.ts'
import { SWARM_ADVICE, SWARM_RULES } from './swarm-rules.ts'
import { withoutVpn } from './without-vpn.ts'

/** acexy remembers the list of engines for 2 s, and waits up to 20 s for a stream before it reports it. */
const PROXY_SILENCE_S = 22

/** The default of `GLUETUN_API_PORT`. */
const GLUETUN_API_PORT = 8000

/** A shorter key could be guessed. */
const KEY_CHARACTERS_MIN = 16

/** The settings that say who may use the API. */
type Access = Pick<Config, 'API_KEY' | 'ALLOW_NO_KEY'>

const isForThisMachine = ({ API_KEY, ALLOW_NO_KEY }: Access): boolean => API_KEY.length === 0 && !ALLOW_NO_KEY

/** The address that the server listens on if BIND is not set. */
export const defaultAddress = (access: Access): string => (isForThisMachine(access) ? '127.0.0.1' : '0.0.0.0')

/** The note that is logged at the start of a server that listens at `defaultAddress`; null if all machines can reach it. */
export const addressNote = (access: Access): string | null =>
  isForThisMachine(access)
    ? 'it listens on 127.0.0.1 only, since there is no key, and nobody but this machine (or this container) reaches it: ' +
      'set API_KEY or API_KEY_FILE to listen on all addresses, or ALLOW_NO_KEY=true to do so without a key'
    : null

/** The note that is logged at the start of a server whose refusals for the VPN are sentences by default; null for others. */
export const vpnSentenceNote = (config: Config): string | null =>
  behindVpn(config) && config.PROVISION_ERROR_DETAIL === 'auto'
    ? 'whenever the VPN is down, a viewer of acexy of today may wait 90 s for the refusal, which is a sentence: set ' +
      'PROVISION_ERROR_DETAIL=object, unless your acexy is of October 2025'
    : null

/** Conditions without which the orchestrator cannot keep its promises; it does not start if one is violated. */
export const RULES: readonly Rule[] = [
  ...SWARM_RULES,
  {
    settings: ['DOCKER_CERT_PATH', 'DOCKER_TLS_VERIFY', 'DOCKER_HOST'],
    check: (config) =>
      unless(
        !usesTls(config) || config.DOCKER_CERT_PATH !== null,
        'DOCKER_TLS_VERIFY asks for TLS: set this to the folder that has ca.pem, cert.pem and key.pem',
      ),
  },
  {
    settings: ['BIND', 'API_KEY', 'ALLOW_NO_KEY'],
    check: (config) =>
      unless(
        !isForThisMachine(config) || isLoopback(config.BIND),
        'Set API_KEY or API_KEY_FILE too, since others reach this address and could start and remove containers; ' +
          'or set BIND to 127.0.0.1 to let in only who shares that network; or set ALLOW_NO_KEY to true to let everybody in without a key',
      ),
  },
  {
    settings: ['MIN_REPLICAS', 'MAX_REPLICAS'],
    check: ({ MIN_REPLICAS, MAX_REPLICAS }) =>
      unless(MIN_REPLICAS <= MAX_REPLICAS, `Set MIN_REPLICAS to at most MAX_REPLICAS (${MAX_REPLICAS})`),
  },
  {
    settings: ['MIN_FREE_REPLICAS', 'MAX_REPLICAS'],
    check: ({ MIN_FREE_REPLICAS, MAX_REPLICAS }) =>
      unless(
        MIN_FREE_REPLICAS <= MAX_REPLICAS,
        `Set MIN_FREE_REPLICAS to at most MAX_REPLICAS (${MAX_REPLICAS})`,
      ),
  },
  {
    settings: ['PORT_RANGE_HOST', 'ACE_HTTPS_RANGE', 'ACE_MAP_HTTPS', 'GLUETUN_CONTAINER_NAME'],
    check: (config) =>
      unless(
        behindVpn(config) ||
          !config.ACE_MAP_HTTPS ||
          !overlap(config.PORT_RANGE_HOST, config.ACE_HTTPS_RANGE),
        `Give PORT_RANGE_HOST and ACE_HTTPS_RANGE (${spell(config.ACE_HTTPS_RANGE)}) different ports, ` +
          'since ACE_MAP_HTTPS publishes both on the host',
      ),
  },
  {
    settings: ['ACE_HTTPS_RANGE', 'GLUETUN_CONTAINER_NAME'],
    check: (config) =>
      unless(
        behindVpn(config) || hasPortBesides(config.ACE_HTTPS_RANGE, FIXED_PORTS),
        `Give ACE_HTTPS_RANGE another port than ${FIXED_PORTS.join(' and ')}, where every engine listens besides`,
      ),
  },
  {
    settings: ['PORT_RANGE_HOST', 'ACE_HTTPS_RANGE', 'ACE_P2P_RANGE', 'GLUETUN_CONTAINER_NAME'],
    check: (config) => {
      const needed = neededBesides(config.ACE_HTTPS_RANGE, config.ACE_P2P_RANGE)
      return unless(
        behindVpn(config) || hasPortBesides(config.PORT_RANGE_HOST, needed),
        `Give PORT_RANGE_HOST another port than ${needed.join(' and ')}, which engines need for themselves`,
      )
    },
  },
  {
    settings: ['ENGINE_LABELS', 'CONTAINER_LABEL'],
    check: ({ ENGINE_LABELS: labels, CONTAINER_LABEL: { key } }) =>
      unless(!Object.hasOwn(labels, key), `Leave ${key} out of ENGINE_LABELS, since CONTAINER_LABEL sets it`),
  },
  {
    settings: ['ENGINE_TMPFS', 'ENGINE_VOLUMES'],
    check: ({ ENGINE_TMPFS: folders, ENGINE_VOLUMES: volumes }) => {
      const both = volumes.flatMap((volume) =>
        Object.keys(folders).filter((path) => volume.split(':')[1] === path),
      )
      return unless(both.length === 0, `Name ${both.join(', ')} in ENGINE_TMPFS or ENGINE_VOLUMES, not both`)
    },
  },
  {
    settings: ['ENGINE_CAP_ADD', 'ENGINE_CAP_DROP'],
    check: ({ ENGINE_CAP_ADD: added, ENGINE_CAP_DROP: dropped }) => {
      const both = added.filter((name) => dropped.includes(name))
      return unless(
        both.length === 0,
        `Name ${both.join(', ')} in ENGINE_CAP_ADD or ENGINE_CAP_DROP, not both`,
      )
    },
  },
  {
    settings: ['GLUETUN_CONTAINER_NAME'],
    check: ({ GLUETUN_CONTAINER_NAME: names }) =>
      unless(new Set(names).size === names.length, 'Name every Gluetun container once'),
  },
  {
    settings: ['GLUETUN_PORT_RANGE', 'GLUETUN_CONTAINER_NAME'],
    check: (config) => {
      const nodes = config.GLUETUN_CONTAINER_NAME.length
      const ranges = config.GLUETUN_PORT_RANGE.length
      return unless(
        !behindVpn(config) || ranges === nodes,
        `Give one range for each of the ${nodes} Gluetun containers (there are ${ranges}), and publish it there`,
      )
    },
  },
  {
    settings: ['GLUETUN_PORT_RANGE'],
    check: ({ GLUETUN_PORT_RANGE: ranges }) =>
      unless(
        !ranges.some((range, index) => ranges.slice(index + 1).some((other) => overlap(range, other))),
        'Give every Gluetun container ports that no other one has, since a port tells which engine is meant',
      ),
  },
  {
    settings: [
      'GLUETUN_PORT_RANGE',
      'GLUETUN_CONTAINER_NAME',
      'GLUETUN_API_PORT',
      'VPN_CONTROL',
      'ACE_HTTPS_RANGE',
      'ACE_API_RANGE',
      'ACE_P2P_RANGE',
    ],
    check: (config) => (behindVpn(config) ? namespaceClash(config) : null),
  },
  { settings: ['GLUETUN_FIXED_PORTS', 'GLUETUN_CONTAINER_NAME'], check: strangerWithPorts },
  { settings: ['GLUETUN_FIXED_PORTS'], check: portNamedTwice },
  {
    settings: [
      'GLUETUN_FIXED_PORTS',
      'GLUETUN_PORT_RANGE',
      'ACE_HTTPS_RANGE',
      'ACE_API_RANGE',
      'GLUETUN_API_PORT',
      'GLUETUN_CONTAINER_NAME',
    ],
    check: portUsedOtherwise,
  },
  {
    settings: ['GLUETUN_API_USER', 'GLUETUN_API_PASSWORD'],
    check: ({ GLUETUN_API_USER: user, GLUETUN_API_PASSWORD: password }) =>
      unless(
        (user === null) === (password === null),
        'Set both GLUETUN_API_USER and GLUETUN_API_PASSWORD (or GLUETUN_API_PASSWORD_FILE), or neither',
      ),
  },
  {
    settings: ['GLUETUN_API_KEY', 'GLUETUN_API_USER'],
    check: ({ GLUETUN_API_KEY: key, GLUETUN_API_USER: user }) =>
      unless(key === null || user === null, 'Set GLUETUN_API_KEY or GLUETUN_API_USER, not both'),
  },
]

/** Settings that are allowed but probably a mistake. */
export const ADVICE: readonly Rule[] = [
  ...SWARM_ADVICE,
  { settings: ['DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'], check: plainAtTlsPort },
  {
    settings: ['ALLOW_NO_KEY', 'API_KEY', 'BIND'],
    check: ({ ALLOW_NO_KEY, API_KEY, BIND }) =>
      unless(
        !ALLOW_NO_KEY || API_KEY.length > 0 || isLoopback(BIND),
        `anybody in the network, and every container on this host, can start and remove containers, stop streams and see ` +
          `what is played at ${BIND}. Set API_KEY, or BIND to 127.0.0.1`,
      ),
  },
  {
    settings: ['API_KEY'],
    check: ({ API_KEY }) =>
      unless(
        API_KEY.every((key) => key.length >= KEY_CHARACTERS_MIN),
        `a key of fewer than ${KEY_CHARACTERS_MIN} characters can be guessed. Take a longer one, such as openssl rand -hex 32 gives, and give it to acexy as well`,
      ),
  },
  {
    settings: ['API_KEY_PROTECT_READS', 'API_KEY'],
    check: ({ API_KEY_PROTECT_READS, API_KEY, BIND }) =>
      unless(
        !API_KEY_PROTECT_READS || API_KEY.length > 0,
        `there is no key that a read could ask for, so reads are open to all who reach ${BIND}. Set API_KEY or API_KEY_FILE`,
      ),
  },
  {
    settings: ['PROVISION_DEADLINE_MS'],
    check: ({ PROVISION_DEADLINE_MS: deadline }) =>
      unless(
        deadline < 3000,
        'acexy gives up after 3000 ms and asks again: a later answer reaches nobody. Keep it below 3000',
      ),
  },
  {
    settings: ['DRAIN_HIDE_S'],
    check: ({ DRAIN_HIDE_S }) =>
      unless(
        DRAIN_HIDE_S >= PROXY_SILENCE_S,
        `an engine is removed ${DRAIN_HIDE_S} s after it was hidden, and a proxy may have chosen it up to ${PROXY_SILENCE_S} s ` +
          `before it reports its stream, so a viewer may be cut. Set it to ${PROXY_SILENCE_S} or more`,
      ),
  },
  {
    settings: [
      'MAX_REPLICAS',
      'PORT_RANGE_HOST',
      'ACE_HTTPS_RANGE',
      'ACE_P2P_RANGE',
      'GLUETUN_PORT_RANGE',
      'GLUETUN_CONTAINER_NAME',
    ],
    check: (config) => {
      const ranges = behindVpn(config) ? config.GLUETUN_PORT_RANGE : [config.PORT_RANGE_HOST]
      const needed = behindVpn(config) ? [] : neededBesides(config.ACE_HTTPS_RANGE, config.ACE_P2P_RANGE)
      const lost = needed.filter((port) => holds(config.PORT_RANGE_HOST, port)).length
      const size = ranges.reduce((sum, { first, last }) => sum + last - first + 1, -lost)
      const name = behindVpn(config) ? 'GLUETUN_PORT_RANGE' : 'PORT_RANGE_HOST'
      return unless(
        config.MAX_REPLICAS <= size,
        `${name} has only ${size} ports: no more than ${size} engines can run`,
      )
    },
  },
  {
    settings: ['MAX_REPLICAS', 'ACE_P2P_RANGE', 'GLUETUN_CONTAINER_NAME'],
    check: (config) => {
      const { first, last } = config.ACE_P2P_RANGE
      const size = (last - first + 1) * Math.max(1, config.GLUETUN_CONTAINER_NAME.length)
      return unless(
        config.MAX_REPLICAS <= size,
        `ACE_P2P_RANGE has only ${size} ports: no more than ${size} engines can run`,
      )
    },
  },
  {
    settings: ['DOCKER_NETWORK', 'GLUETUN_CONTAINER_NAME'],
    check: (config) =>
      unless(
        config.DOCKER_NETWORK === null || !behindVpn(config),
        'engines behind a VPN have the network of Gluetun, and only containers of POST /provision join this one. Leave it ' +
          'out, and put Gluetun into the network from which proxies reach engines',
      ),
  },
  {
    settings: ['ENGINE_DNS', 'GLUETUN_CONTAINER_NAME'],
    check: (config) =>
      unless(
        config.ENGINE_DNS.length === 0 || !behindVpn(config),
        'engines behind a VPN have the name server of Gluetun, and Docker accepts no other. Set it in Gluetun',
      ),
  },
  {
    settings: [
      'VPN_CONTROL',
      'GLUETUN_API_PORT',
      'GLUETUN_API_KEY',
      'GLUETUN_API_USER',
      'GLUETUN_CONTAINER_NAME',
    ],
    check: (config) => (behindVpn(config) && config.VPN_CONTROL === 'none' ? withoutControl(config) : null),
  },
  { settings: ['GLUETUN_CONTAINER_NAME'], check: withoutVpn },
  {
    settings: ['PUBLISH_P2P', 'GLUETUN_CONTAINER_NAME'],
    check: (config) =>
      unless(
        !config.PUBLISH_P2P || !behindVpn(config),
        'engines behind a VPN publish no port. Peers reach the port that the VPN forwards',
      ),
  },
  {
    settings: ['PUBLISH_ADDRESS', 'GLUETUN_CONTAINER_NAME'],
    check: (config) =>
      unless(
        config.PUBLISH_ADDRESS === null || !behindVpn(config),
        'engines behind a VPN publish no port. Publish those of Gluetun on that address, in its own container',
      ),
  },
  {
    settings: [
      'PUBLISH_ADDRESS',
      'ADVERTISE_HOST',
      'ENGINE_ADVERTISE',
      'DOCKER_NETWORK',
      'GLUETUN_CONTAINER_NAME',
    ],
    check: (config) => (behindVpn(config) || !tellsPublished(config) ? null : untold(config)),
  },
  {
    settings: ['PUBLISH_ADDRESS', 'DOCKER_HOST', 'DOCKER_NETWORK', 'GLUETUN_CONTAINER_NAME'],
    check: (config) => {
      const { PUBLISH_ADDRESS: address, DOCKER_HOST: dockerHost, DOCKER_NETWORK: network } = config
      const isHere = isLoopback(publishedHost(dockerHost)) || network !== null
      return unless(
        behindVpn(config) || address === null || !isLoopback(address) || isHere,
        `engines are published for ${publishedHost(dockerHost)} alone, and this process asks them from elsewhere. Give it and ` +
          'engines a DOCKER_NETWORK of their own, or set another address',
      )
    },
  },
  {
    settings: ['ENGINE_ADVERTISE', 'DOCKER_NETWORK', 'GLUETUN_CONTAINER_NAME'],
    check: (config) =>
      unless(
        config.ENGINE_ADVERTISE !== 'container' || config.DOCKER_NETWORK !== null || behindVpn(config),
        "names of containers mean nothing on Docker's default bridge. Set DOCKER_NETWORK too",
      ),
  },
]

/** What has no effect with `VPN_CONTROL=none`; null if nothing has. */
function withoutControl(config: Config): string | null {
  const idle = [
    ...(config.GLUETUN_API_PORT === GLUETUN_API_PORT ? [] : ['GLUETUN_API_PORT']),
    ...(config.GLUETUN_API_KEY === null ? [] : ['GLUETUN_API_KEY']),
    ...(config.GLUETUN_API_USER === null ? [] : ['GLUETUN_API_USER', 'GLUETUN_API_PASSWORD']),
  ]
  return unless(
    idle.length === 0,
    `no control server is asked, so ${idle.join(', ')} ${idle.length === 1 ? 'has' : 'have'} no effect. Remove ` +
      `${idle.length === 1 ? 'it' : 'them'}, or set this to gluetun`,
  )
}

/** Why proxies do not find engines at the address that they are told; null if they may. A name may be that of any address. */
function untold({ PUBLISH_ADDRESS: address, ADVERTISE_HOST: told }: Config): string | null {
  if (address === null || isEverywhere(address)) return null
  const isAlike = isIP(told) === 0 ? isLoopback(told) === isLoopback(address) : sameAddress(told, address)
  const isName = isIP(told) === 0 && !isLoopback(told) && !isLoopback(address)
  return unless(
    isAlike || isName,
    `engines are published on ${address}, and proxies are told ${told}, where they do not listen. Set ADVERTISE_HOST=${address}`,
  )
}

const sameAddress = (one: string, other: string): boolean =>
  URL.parse(`http://${hostInUrl(one)}`)?.host === URL.parse(`http://${hostInUrl(other)}`)?.host

/**
 * The remedy if port ranges overlap behind the VPN; null if they do not. The engines of one VPN node share one network
 * namespace with Gluetun's control server.
 */
function namespaceClash(config: Config): string | null {
  const api = { first: config.GLUETUN_API_PORT, last: config.GLUETUN_API_PORT }
  const control = config.VPN_CONTROL === 'gluetun' ? ([['GLUETUN_API_PORT', api]] as const) : []
  const shared: readonly (readonly [SettingName, PortRange])[] = [
    ...config.GLUETUN_PORT_RANGE.map((range) => ['GLUETUN_PORT_RANGE', range] as const),
    ['ACE_HTTPS_RANGE', config.ACE_HTTPS_RANGE],
    ['ACE_API_RANGE', config.ACE_API_RANGE],
    ['ACE_P2P_RANGE', config.ACE_P2P_RANGE],
    ...control,
  ]
  for (const [index, [name, range]] of shared.entries()) {
    const other = shared.slice(index + 1).find(([rival, taken]) => rival !== name && overlap(range, taken))
    if (other !== undefined) {
      return (
        `Give ${name} (${spell(range)}) and ${other[0]} (${spell(other[1])}) different ports, ` +
        'since they meet in the network of the VPN'
      )
    }
  }
  return null
}

function behindVpn(config: Config): boolean {
  return config.GLUETUN_CONTAINER_NAME.length > 0
}

/** Whether a range contains a port that is none of `others`. */
function hasPortBesides(range: PortRange, others: readonly number[]): boolean {
  return freePort(range, (port) => others.includes(port), 0) !== null
}

function overlap(one: PortRange, other: PortRange): boolean {
  return one.first <= other.last && other.first <= one.last
}

function spell({ first, last }: PortRange): string {
  return first === last ? `${first}` : `${first}-${last}`
}

function unless(fits: boolean, remedy: string): string | null {
  return fits ? null : remedy
}
