/** What is set about a VPN though there is none. */
import { Value } from '@sinclair/typebox/value'
import { type Config, configSchema, type SettingName } from './settings.ts'

/**
 * Names the settings of a VPN that have no effect because GLUETUN_CONTAINER_NAME is not set; null if there are none. Their
 * defaults are not told, and neither is GLUETUN_FIXED_PORTS, which ends the start.
 */
export function withoutVpn(config: Config): string | null {
  if (config.GLUETUN_CONTAINER_NAME.length > 0) return null
  const idle = (Object.keys(configSchema.properties) as SettingName[]).filter((name) => isIdle(config, name))
  if (idle.length === 0) return null
  const has = idle.length === 1 ? 'has' : 'have'
  return `it is not set, so ${idle.join(', ')} ${has} no effect, and engines use no VPN`
}

function isIdle(config: Config, name: SettingName): boolean {
  const { group, inert, default: fallback } = configSchema.properties[name].setting
  const isTold = inert || name === 'GLUETUN_FIXED_PORTS'
  return group === 'VPN' && !isTold && Value.Encode(configSchema.properties[name], config[name]) !== fallback
}
