/**
 * The settings by which the earlier orchestrator was told of a VPN. If one asks for another VPN than ours do, passing it over
 * could change who sees the addresses of users, so it is a reason not to start.
 */
import { portRange } from './formats.ts'
import { boolean } from './kinds.ts'
import type { Config } from './settings.ts'
import type { Environment, Problem } from './sources.ts'

/** What both orchestrators were told. */
interface Told {
  readonly config: Config
  readonly env: Environment
}

interface Question {
  /** Whether a value asks for no more than our settings say. */
  readonly isSame: (value: string, told: Told) => boolean
  readonly remedy: (told: Told) => string
}

const asksForVpn: Question = {
  isSame: (value, { config }) => boolean.parse(value) !== true || config.GLUETUN_CONTAINER_NAME.length > 0,
  remedy: () =>
    'It asks for a VPN, and engines would use none: set GLUETUN_CONTAINER_NAME to the Gluetun container whose network they ' +
    'shall use, which you start yourself; or leave this out if they shall use no VPN',
}

/** The ports of the first or of the second node: each has to have its own. */
const asksForPorts = (second: boolean): Question => ({
  isSame: (value, told) => {
    const { config, env } = told
    if (second && isSingle(told)) return true
    const node = second ? config.GLUETUN_CONTAINER_NAME.indexOf(given(env, 'GLUETUN_CONTAINER_NAME_2')) : 0
    const range = config.GLUETUN_PORT_RANGE[second && node < 0 ? 1 : node]
    return range !== undefined && isVpn(told) && portRange.format(range) === rangeOf(value)
  },
  remedy: sameHere,
})

const isVpn = ({ config }: Told): boolean => config.GLUETUN_CONTAINER_NAME.length > 0

const QUESTIONS: Readonly<Record<string, Question>> = {
  VPN_MODE: {
    // Whatever is not one of its two words was meant to be one of them.
    isSame: (value, { config }) =>
      value.toLowerCase() === 'single' || config.GLUETUN_CONTAINER_NAME.length > 1,
    remedy: sameHere,
  },
  GLUETUN_CONTAINER_NAME_2: {
    isSame: (value, told) => isSingle(told) || told.config.GLUETUN_CONTAINER_NAME.includes(value),
    remedy: sameHere,
  },
  GLUETUN_PORT_RANGE_1: asksForPorts(false),
  GLUETUN_PORT_RANGE_2: asksForPorts(true),
  VPN_ENABLED: asksForVpn,
  DYNAMIC_VPN_MANAGEMENT: asksForVpn,
}

/** The variables that ask for another VPN than our settings do, each with what says the same here. */
export function earlierVpnProblems(env: Environment, config: Config): readonly Problem[] {
  const told = { env, config }
  return Object.entries(QUESTIONS).flatMap(([variable, { isSame, remedy }]) => {
    const value = given(env, variable)
    return value === '' || isSame(value, told) ? [] : [{ variable, value, remedy: remedy(told) }]
  })
}

/** Both settings at once, because one without the other would be refused. */
function sameHere(told: Told): string {
  const nodes = nodesOf(told)
  const ranges = ['GLUETUN_PORT_RANGE_1', 'GLUETUN_PORT_RANGE_2'].map((name) => given(told.env, name))
  const ours = given(told.env, 'GLUETUN_PORT_RANGE') === '' ? [] : told.config.GLUETUN_PORT_RANGE
  const known = ours.map((range) => portRange.format(range))
  const ports = nodes.map((_, at) => rangeOf(ranges[at] ?? '') || (known[at] ?? '<its ports>'))
  return (
    `Set GLUETUN_CONTAINER_NAME=${nodes.join(',')} and GLUETUN_PORT_RANGE=${ports.join(',')}, which say the same here, ` +
    `and leave this out${isVpn(told) ? '' : '; or leave all of these out if engines shall use no VPN'}`
  )
}

/** The containers that both name together, and a place for each that nobody names. */
function nodesOf(told: Told): readonly string[] {
  const [first = '<first container>', ...others] = told.config.GLUETUN_CONTAINER_NAME
  if (!asksForTwo(told)) return [first, ...others]
  const second = given(told.env, 'GLUETUN_CONTAINER_NAME_2')
  const nodes = [...new Set([first, ...others, ...(second === '' ? [] : [second])])]
  return nodes.length > 1 ? nodes : [...nodes, '<second container>']
}

function asksForTwo(told: Told): boolean {
  const signs = ['GLUETUN_CONTAINER_NAME_2', 'GLUETUN_PORT_RANGE_2'].map((name) => given(told.env, name))
  const isRedundant = given(told.env, 'VPN_MODE').toLowerCase() === 'redundant'
  return isRedundant || (!isSingle(told) && signs.some((value) => value !== ''))
}

/** With VPN_MODE=single the earlier orchestrator itself passed over what belongs to a second VPN. */
const isSingle = ({ env }: Told): boolean => given(env, 'VPN_MODE').toLowerCase() === 'single'

/** A range in the form of ours; empty if it is none. */
function rangeOf(value: string): string {
  const range = portRange.parse(value)
  return range === undefined ? '' : portRange.format(range)
}

/**
 * The value of a variable, as far as it is not blank; empty without one. `docker run --env-file` passes quotes and comments
 * on, which people take over from files that a shell reads.
 */
export const given = (env: Environment, name: string): string => {
  const text = (env[name] ?? '').replace(/\s#.*$/, '').trim()
  return /^(["']).*\1$/.test(text) ? text.slice(1, -1).trim() : text
}
