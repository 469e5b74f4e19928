/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A setting is not valid. The message names it. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

/** Reads a port; `fallback` without a text. @throws {SettingError} */
export function portNumber(text: string | undefined, name: string, fallback: number): number {
  const port = wholeNumber(text, name, fallback)
  if (port > 65_535) throw new SettingError(`${name} is not a port: ${text}`)
  return port
}

/** Reads a number of at most nine digits; `fallback` without a text. @throws {SettingError} */
export function wholeNumber(text: string | undefined, name: string, fallback: number): number {
  if (text === undefined || text === '') return fallback
  if (!/^\d{1,9}$/.test(text)) throw new SettingError(`${name} is not a whole number: ${text}`)
  return Number(text)
}

export const isTrue = (text: string | undefined): boolean => /^(1|true|yes|on)$/i.test(text ?? '')
