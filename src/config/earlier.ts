/** What an environment still says to the earlier orchestrator. */
import { EARLIER_SETTINGS, type EarlierSetting } from './earlier-settings.ts'
import { earlierVpnProblems, given } from './earlier-vpn.ts'
import type { Config, SettingName } from './settings.ts'
import type { Environment, Problem } from './sources.ts'

const NAMES: ReadonlySet<string> = new Set(EARLIER_SETTINGS.map(({ name }) => name))

/** Whether a variable was a setting of the earlier orchestrator, and is none here. */
export const isEarlier = (variable: string): boolean => NAMES.has(variable)

/**
 * The variables of the earlier orchestrator: those of a VPN that our settings do not have are reasons not to start, all others
 * are warnings. A variable that other programs have as well is a warning only beside one that none has. `invalid` has the
 * settings whose values are wrong: what was meant is not known then.
 */
export function earlierSettings(
  env: Environment,
  config: Config,
  invalid: ReadonlySet<SettingName>,
): { readonly problems: readonly Problem[]; readonly warnings: readonly string[] } {
  const isVpnKnown = !invalid.has('GLUETUN_CONTAINER_NAME') && !invalid.has('GLUETUN_PORT_RANGE')
  const problems = isVpnKnown ? earlierVpnProblems(env, config) : []
  const refused = new Set(problems.map(({ variable }) => variable))
  const set = EARLIER_SETTINGS.filter((each) => given(env, each.name) !== '' && !isAcexys(each, env, config))
  const isItsEnvironment = set.some(({ isCommon }) => !isCommon)
  const told = set.filter(({ isCommon }) => isItsEnvironment || !isCommon)
  return { problems, warnings: told.filter(({ name }) => !refused.has(name)).map(sentence) }
}

const sentence = ({ name, remedy }: EarlierSetting): string =>
  `${name} is a setting of acestream-orchestrator and is ignored: ${remedy}`

/** acexy has a setting of this name, too; with the same number as ours it may be meant for acexy alone. */
const isAcexys = ({ name }: EarlierSetting, env: Environment, config: Config): boolean =>
  name === 'ACEXY_MAX_STREAMS_PER_ENGINE' && given(env, name) === String(config.MAX_STREAMS_PER_ENGINE)
