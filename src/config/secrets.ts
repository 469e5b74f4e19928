import { secretValues, secretWords, shownValues, shownWords } from '../core/secrets.ts'
import type { Config } from './settings.ts'

/** The configuration with what is secret in its variables, labels and words masked, to be shown. */
export const shownConfig = (config: Config): Config => ({
  ...config,
  ENGINE_ENV: shownValues(config.ENGINE_ENV),
  ENGINE_LABELS: shownValues(config.ENGINE_LABELS),
  ENGINE_CMD: config.ENGINE_CMD && shownWords(config.ENGINE_CMD),
})

/** Every secret that the settings hold, in each form in which one is sent. */
export function secretsOf(config: Config): readonly string[] {
  const { API_KEY, GLUETUN_API_KEY, GLUETUN_API_USER, GLUETUN_API_PASSWORD } = config
  const basic = Buffer.from(`${GLUETUN_API_USER ?? ''}:${GLUETUN_API_PASSWORD ?? ''}`).toString('base64')
  return [
    ...API_KEY,
    ...(GLUETUN_API_KEY === null ? [] : [GLUETUN_API_KEY]),
    ...(GLUETUN_API_PASSWORD === null ? [] : [GLUETUN_API_PASSWORD, basic]),
    ...secretValues(config.ENGINE_ENV),
    ...secretValues(config.ENGINE_LABELS),
    ...secretWords(config.ENGINE_CMD ?? []),
  ]
}
