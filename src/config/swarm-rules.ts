/** What the settings of Docker Swarm need of the others. */
import type { Rule } from './rule.ts'
import type { Config, SettingName } from './settings.ts'

const onSwarm = ({ ENGINE_RUNTIME }: Pick<Config, 'ENGINE_RUNTIME'>): boolean => ENGINE_RUNTIME === 'swarm'

/** A setting that a service of a swarm cannot follow, and what to do about that. */
const without = (setting: SettingName, isSet: (config: Config) => boolean, why: string): Rule => ({
  settings: [setting, 'ENGINE_RUNTIME'],
  check: (config) => (onSwarm(config) && isSet(config) ? `With ENGINE_RUNTIME=swarm ${why}` : null),
})

/** A setting that means nothing without a swarm. */
const onlyThere = (setting: SettingName, isSet: (config: Config) => boolean): Rule => ({
  settings: [setting, 'ENGINE_RUNTIME'],
  check: (config) =>
    !onSwarm(config) && isSet(config) ? `Set ENGINE_RUNTIME=swarm too, or leave ${setting} out` : null,
})

const TMPFS_OPTIONS = /^(?:size|mode)=/
const VOLUME_OPTIONS = /^(?:r[ow]|nocopy|r?(?:private|shared|slave))$/

/** Whether one of the options, which are separated by commas, is none of these. */
const hasOther = (options: string, known: RegExp): boolean =>
  options.split(',').some((option) => option !== '' && !known.test(option))

/** Conditions without which engines cannot be services of a swarm. */
export const SWARM_RULES: readonly Rule[] = [
  without(
    'GLUETUN_CONTAINER_NAME',
    ({ GLUETUN_CONTAINER_NAME }) => GLUETUN_CONTAINER_NAME.length > 0,
    'engines cannot join the network of a VPN container. Leave this out, and run a Roundhouse with ENGINE_RUNTIME=docker on each machine that needs a VPN (docs/SCALE.md)',
  ),
  without(
    'PUBLISH_ADDRESS',
    ({ PUBLISH_ADDRESS }) => PUBLISH_ADDRESS !== null,
    'ports are published on all addresses of a node. Leave this out, and let a firewall say who reaches them',
  ),
  without(
    'ENGINE_SECURITY_OPT',
    ({ ENGINE_SECURITY_OPT }) => ENGINE_SECURITY_OPT.length > 0,
    'services take no such options. Leave this out',
  ),
  without(
    'ENGINE_CACHE_PATH',
    ({ ENGINE_CACHE_PATH }) => ENGINE_CACHE_PATH !== null,
    'no command can be run in an engine. Leave this out, and bound the cache by ENGINE_TMPFS',
  ),
  without(
    'ENGINE_HEALTHCHECK',
    ({ ENGINE_HEALTHCHECK }) => ENGINE_HEALTHCHECK === 'image',
    'a check that fails would end an engine with its viewers. Set this to none',
  ),
  without(
    'ENGINE_TMPFS',
    ({ ENGINE_TMPFS }) => Object.values(ENGINE_TMPFS).some((options) => hasOther(options, TMPFS_OPTIONS)),
    'a folder in memory has the options size and mode, and no others',
  ),
  without(
    'ENGINE_VOLUMES',
    ({ ENGINE_VOLUMES }) =>
      ENGINE_VOLUMES.some((volume) => hasOther(volume.split(':')[2] ?? '', VOLUME_OPTIONS)),
    'a volume has the options ro, rw and nocopy, a folder of the host ro, rw and its propagation, and no others',
  ),
  without(
    'DOCKER_NETWORK',
    ({ DOCKER_NETWORK }) => DOCKER_NETWORK === 'auto',
    'name an attachable overlay network here, or leave this out',
  ),
  without(
    'PULL',
    ({ PULL }) => PULL !== 'never',
    'each node gets the image by itself when it starts an engine. Leave this out',
  ),
  onlyThere('SWARM_CONSTRAINTS', ({ SWARM_CONSTRAINTS }) => SWARM_CONSTRAINTS.length > 0),
  onlyThere('SWARM_MAX_PER_NODE', ({ SWARM_MAX_PER_NODE }) => SWARM_MAX_PER_NODE !== null),
  onlyThere('SWARM_POST_NODE', ({ SWARM_POST_NODE }) => SWARM_POST_NODE !== null),
  onlyThere('SWARM_PUBLISH', ({ SWARM_PUBLISH }) => SWARM_PUBLISH !== 'host'),
  {
    settings: ['SWARM_POST_NODE', 'SWARM_PUBLISH'],
    check: ({ SWARM_POST_NODE, SWARM_PUBLISH }) =>
      SWARM_POST_NODE !== null && SWARM_PUBLISH === 'ingress'
        ? 'With SWARM_PUBLISH=ingress every node passes connections on. Leave this out'
        : null,
  },
]

/** What works on a swarm and may still surprise. */
export const SWARM_ADVICE: readonly Rule[] = [
  {
    settings: ['SWARM_PUBLISH', 'SWARM_POST_NODE', 'MIN_FREE_REPLICAS', 'ENGINE_RUNTIME'],
    check: (config) =>
      onSwarm(config) &&
      config.SWARM_PUBLISH === 'host' &&
      config.SWARM_POST_NODE === null &&
      config.MIN_FREE_REPLICAS === 0
        ? 'acexy looks for an engine that it has just asked for at localhost, and finds it only if it is on its own node. ' +
          'Set MIN_FREE_REPLICAS to 1 or more, so that it takes a listed one; and SWARM_POST_NODE to the name of its node'
        : null,
  },
]
