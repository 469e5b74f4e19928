import type { Dialect } from './dialect.ts'
import { knownRoutes } from './known-routes.ts'
import type { Settings } from './settings.ts'

/** Which credentials may use which routes. */
export interface Role {
  readonly name: string
  readonly auth: 'none' | 'basic' | 'apikey'
  readonly apikey: string
  readonly username: string
  readonly password: string
  /** Routes as `METHOD /path`. A default role has none; it covers what no other role covers. */
  readonly routes: readonly string[]
}

/** The roles of one process. */
export interface Roles {
  readonly file: readonly Role[]
  readonly fallback: Role | null
}

/** Gluetun does not start with these roles. The message is Gluetun's own, the exit code as recorded. */
export class RoleError extends Error {
  override readonly name = 'RoleError'

  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message)
  }
}

/**
 * Reads the roles like the version, from the text of the role file (null without one) and the default role of the settings.
 *
 * @throws {RoleError} if the version does not start with them.
 */
export function readRoles({ dialect, defaultRole }: Settings, fileText: string | null): Roles {
  return {
    file: dialect.readsRoleFile && fileText !== null ? fileRoles(fileText, dialect) : [],
    fallback: dialect.readsDefaultRole ? fallbackRole(defaultRole) : null,
  }
}

function fileRoles(text: string, dialect: Dialect): readonly Role[] {
  const fail = (message: string): never => {
    throw new RoleError(`setting up control server: ${dialect.roleErrorPrefix}${message}`, 1)
  }
  const entries = parseFile(text) ?? fail(`reading auth settings: toml decoding file: ${STRICT}`)
  return entries.map((role, index) => {
    const where = `validating auth settings: role ${role.name} (${index + 1} of ${entries.length})`
    const problem = roleProblem(role) ?? routesProblem(role, dialect)
    return problem === null ? role : fail(`${where}: ${problem}`)
  })
}

const STRICT = 'strict mode: fields in the document are missing in the target struct:'

/** The roles of a file, or null if it is not TOML in this format. */
function parseFile(text: string): readonly Role[] | null {
  const file: unknown = parseToml(text)
  if (!isTable(file) || Object.keys(file).some((name) => name !== 'roles')) return null
  const roles = file.roles ?? []
  if (!Array.isArray(roles)) return null
  const entries = roles.map((entry: unknown) => (isTable(entry) ? readRole(entry) : null))
  return entries.every((entry) => entry !== null) ? entries : null
}

function parseToml(text: string): unknown {
  try {
    return Bun.TOML.parse(text)
  } catch {
    return null
  }
}

const TEXT_FIELDS = ['name', 'auth', 'apikey', 'username', 'password']

/** A role with its defaults, or null if it has an unknown field. The value of `auth` is checked later. */
function readRole(entry: Readonly<Record<string, unknown>>): Role | null {
  const { routes = [], ...texts } = entry
  const isText = ([name, value]: [string, unknown]) => TEXT_FIELDS.includes(name) && typeof value === 'string'
  if (!Object.entries(texts).every(isText)) return null
  if (!Array.isArray(routes) || !routes.every((route) => typeof route === 'string')) return null
  return { ...NO_ROLE, ...texts, routes }
}

const NO_ROLE: Role = { name: '', auth: 'none', apikey: '', username: '', password: '', routes: [] }

const METHODS: readonly string[] = ['none', 'basic', 'apikey']

function roleProblem({ name, auth, apikey, username, password }: Role): string | null {
  if (!METHODS.includes(auth)) return `authentication method not supported: ${auth}`
  if (auth === 'apikey' && apikey === '') return `for role ${name}: api key is empty`
  if (auth === 'basic' && username === '') return `for role ${name}: username is empty`
  return auth === 'basic' && password === '' ? `for role ${name}: password is empty` : null
}

function routesProblem({ routes }: Role, dialect: Dialect): string | null {
  const known = knownRoutes(dialect).all
  const index = routes.findIndex((route) => !known.has(route))
  if (index < 0) return null
  const route = routes[index] ?? ''
  const where = `route ${index + 1} of ${routes.length}`
  return dialect.unknownRoute === 'unauthorized'
    ? `${where}: route not supported by the control server: ${route}`
    : `${where}: route path not supported by the control server: ${route.split(' ')[1] ?? route}`
}

/** The role of the variable. `{}` means none. The real one panics with exit code 2 if the text is not JSON. */
function fallbackRole(text: string): Role | null {
  const given = parseJson(text)
  if (!isTable(given)) throw new RoleError('panic: default authentication role is not JSON', 2)
  const role = readRole({ ...given, name: 'default' })
  if (given.auth === undefined) return null
  const problem = role === null ? 'unknown field' : roleProblem(role)
  if (problem === null) return role
  throw new RoleError(`control server settings: default authentication role is not valid: ${problem}`, 1)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
