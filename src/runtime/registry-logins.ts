import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { imageParts } from '../core/engines/image.ts'
import { readerOf } from './docker-answers.ts'
import { RuntimeFailure } from './runtime.ts'

/** What logs in to a registry, as Docker expects it in a header: base64 for URLs of a JSON object. */
export interface RegistryLogin {
  readonly base64: string
}

/** Finds the login for the registry of an image; null if there is none. */
export type RegistryLogins = (image: string) => RegistryLogin | null

const Login = Type.Object({
  /** `user:password` in base64. */
  auth: Type.Optional(Type.String()),
  identitytoken: Type.Optional(Type.String()),
})
const Logins = Type.Object({ auths: Type.Optional(Type.Record(Type.String(), Login)) })
const readLogins = readerOf('logins', Logins)

/** How Docker calls its default registry in the file of logins. */
const DEFAULT_REGISTRY = 'https://index.docker.io/v1/'

/**
 * The logins that `docker login` has left in a folder, which is DOCKER_CONFIG or `.docker` in the home of a user. The file is
 * read at each question, so that a new login counts at once; a missing file has none. A login that a program keeps
 * (`credsStore`, `credHelpers`) is not found. A question throws RuntimeFailure `refused` if the file cannot be read.
 */
export function registryLoginsIn(folder: string): RegistryLogins {
  const path = join(folder, 'config.json')
  return (image) => {
    const text = textAt(path)
    if (text === null) return null
    try {
      return loginIn(readLogins(JSON.parse(text)), image)
    } catch (cause) {
      throw unreadable(path, 'it is not what "docker login" writes', cause)
    }
  }
}

function loginIn({ auths = {} }: Static<typeof Logins>, image: string): RegistryLogin | null {
  const registry = imageParts(image)?.host ?? null
  const names =
    registry === null ? [DEFAULT_REGISTRY] : [registry, `https://${registry}`, `https://${registry}/`]
  const serveraddress = names.find((name) => Object.hasOwn(auths, name))
  const login = serveraddress === undefined ? undefined : auths[serveraddress]
  const [username = '', ...rest] = Buffer.from(login?.auth ?? '', 'base64')
    .toString()
    .split(':')
  const { identitytoken = '' } = login ?? {}
  // A login that a program keeps stands there without its secret.
  if (rest.length === 0 && identitytoken === '') return null
  const password = rest.join(':')
  const fields = identitytoken === '' ? { username, password } : { username, identitytoken }
  const base64 = Buffer.from(JSON.stringify({ ...fields, serveraddress })).toString('base64')
  // Docker wants the alphabet for URLs, and the padding that base64url leaves out.
  return { base64: base64.replaceAll('+', '-').replaceAll('/', '_') }
}

function textAt(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw unreadable(path, String(code ?? cause), cause)
  }
}

function unreadable(path: string, why: string, cause: unknown): RuntimeFailure {
  const message = `The logins to registries in ${path} cannot be read (${why}): mend the file, or run "docker login" again.`
  return new RuntimeFailure('refused', message, { cause })
}
