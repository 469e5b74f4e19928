const LINES = 20
const LINE_LENGTH = 300

/** The end of names whose values nobody else should read. */
const NAME = '[\\w-]*(?:token|password|passwd|pass|pwd|secret|key|cookie|authorization)'

/** Such a name and its value, as they stand in settings, JSON and headers; and as a flag, or a well-known name, with its value. */
const SECRETS = [
  new RegExp(`(${NAME}["']?\\s*[=:]\\s*["']?(?:bearer\\s+)?)[^\\s"'&,;]+`, 'gi'),
  new RegExp(`((?:^|\\s)--?${NAME}\\s+)(?!-)[^\\s"']+`, 'gi'),
  /(\b\w*(?:private|preshared|api|access)_(?:key|token)\s+)[^\s"'=:]+/gi,
]
const USER_IN_URL = /(\w+:\/\/)[^\s/@]+@/g

/** How long a value has to be, so that its masking leaves the text readable. */
const SECRET_LENGTH = 6

/**
 * The last lines of an engine's log, for people: at most 20 lines of at most 300 characters. Masks what looks like a secret,
 * and every one of the values in `secrets`.
 */
export function logExcerpt(text: string, secrets: readonly string[]): readonly string[] {
  const lines = text.split('\n').map((line) => line.trimEnd())
  return lines
    .filter((line) => line !== '')
    .slice(-LINES)
    .map((line) => masked(line, secrets))
    .map((line) => (line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH).toWellFormed()}…` : line))
}

function masked(line: string, secrets: readonly string[]): string {
  const known = secrets
    .filter((secret) => secret.length >= SECRET_LENGTH)
    .reduce((text, secret) => text.replaceAll(secret, '***'), line)
  return SECRETS.reduce((text, secret) => text.replace(secret, '$1***'), known).replace(USER_IN_URL, '$1***@')
}

const SECRET_NAME = /key|token|passw|secret|auth/i

/** The values of variables whose names say that they are secret. */
export const secretValues = (env: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(env).flatMap(([name, value]) => (SECRET_NAME.test(name) ? [value] : []))
