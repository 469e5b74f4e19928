import { describe, expect, test } from 'bun:test'
import { DIALECTS, type Dialect } from '../dialect.ts'
import { RoleError, readRoles } from '../roles.ts'
import { readSettings } from '../settings.ts'
import { type RoleStart, recordings } from '../testing/recordings.ts'

const role = (lines: string): string => `[[roles]]\nname = "r"\n${lines}\n`
const routes = (route: string): string => role(`auth = "none"\nroutes = ["${route}"]`)

/** The recorded settings, by their names in the recording. */
const SETTINGS: Readonly<Record<string, { readonly file?: string; readonly defaultRole?: string }>> = {
  'unknown route': { file: routes('GET /v1/nothing') },
  'route newer than the version: GET /v1/portforward': { file: routes('GET /v1/portforward') },
  'PUT /v1/portforward in a role': { file: routes('PUT /v1/portforward') },
  'unknown field': { file: role('nothing = "x"') },
  'unknown auth': { file: role('auth = "token"\nroutes = ["GET /v1/vpn/status"]') },
  'apikey role without key': { file: role('auth = "apikey"\nroutes = ["GET /v1/vpn/status"]') },
  'default role: not JSON': { defaultRole: 'not json' },
  'default role: apikey without key': { defaultRole: '{"auth":"apikey"}' },
}

const starts = await recordings<RoleStart>('role-starts')

describe('a start', () => {
  test.each([...starts])('$version: $scenario', ({ version, scenario, starts, exit, errors }) => {
    const setting = SETTINGS[scenario.replace('start with an auth setting: ', '')]
    expect(setting).toBeDefined()
    const failure = failureOf(DIALECTS[version], setting ?? {})
    expect(failure === null).toBe(starts)
    expect(failure?.exitCode ?? null).toBe(exit)
    // A panic prints no such line.
    if (exit !== 2) expect(failure === null ? [] : [`ERROR ${failure.message}`]).toEqual([...errors])
  })

  test('all set-ups of all versions are there', () => expect(starts).toHaveLength(40))
})

describe('a role file', () => {
  const { 'v3.41.3': dialect } = DIALECTS

  test.each([
    ['text that is not TOML', '[[roles'],
    ['another table', '[other]'],
    ['a role that is no table', 'roles = [1]'],
    ['a field of another type', role('auth = 1')],
    ['routes that are no texts', role('routes = [1]')],
    ['basic without a user', role('auth = "basic"\npassword = "p"')],
    ['basic without a password', role('auth = "basic"\nusername = "u"')],
  ])('with %s is refused', (_, file) => {
    expect(failureOf(dialect, { file })?.exitCode).toBe(1)
  })

  test('gives the roles in their order', () => {
    const file = `${routes('GET /v1/version')}${role('auth = "apikey"\napikey = "k"')}`
    const { file: roles, fallback } = readRoles(readSettings({}), file)
    expect(roles.map(({ auth, apikey, routes }) => ({ auth, apikey, routes }))).toEqual([
      { auth: 'none', apikey: '', routes: ['GET /v1/version'] },
      { auth: 'apikey', apikey: 'k', routes: [] },
    ])
    expect(fallback).toBeNull()
  })
})

function failureOf(
  dialect: Dialect,
  { file, defaultRole = '' }: { readonly file?: string; readonly defaultRole?: string },
): RoleError | null {
  const env = { DIALECT: dialect.name, HTTP_CONTROL_SERVER_AUTH_DEFAULT_ROLE: defaultRole }
  try {
    readRoles(readSettings(env), file ?? null)
    return null
  } catch (error) {
    if (error instanceof RoleError) return error
    throw error
  }
}
