import { describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { registryLoginsIn } from '../../../src/runtime/registry-logins.ts'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** What a folder of `docker login` with this file says of an image. */
function loginFor(image: string, file: unknown): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
  try {
    if (file === 'folder') mkdirSync(join(folder, 'config.json'))
    else if (file !== null)
      writeFileSync(join(folder, 'config.json'), typeof file === 'string' ? file : JSON.stringify(file))
    const login = registryLoginsIn(folder)(image)
    return login && JSON.parse(Buffer.from(login.base64, 'base64').toString())
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const HUB = 'https://index.docker.io/v1/'

describe('the login for the registry of an image', () => {
  const auths = {
    'ghcr.io': { auth: base64('me:p:w?>ü') },
    'https://registry.test:5000': { auth: base64('other:secret') },
    'token.test': { auth: base64('bot:'), identitytoken: 'abc' },
    'kept.test': {},
    [HUB]: { auth: base64('hub:secret') },
  }
  test.each([
    ['ghcr.io/me/engine:1', { username: 'me', password: 'p:w?>ü', serveraddress: 'ghcr.io' }],
    [
      'registry.test:5000/engine',
      { username: 'other', password: 'secret', serveraddress: 'https://registry.test:5000' },
    ],
    ['token.test/engine', { username: 'bot', identitytoken: 'abc', serveraddress: 'token.test' }],
    ['engine:1', { username: 'hub', password: 'secret', serveraddress: HUB }],
    ['docker.io/library/engine:1', { username: 'hub', password: 'secret', serveraddress: HUB }],
    ['kept.test/engine', null],
    ['elsewhere.test/engine', null],
    ['__proto__.test/engine', null],
  ])('%s', (image, login) => {
    expect<unknown>(loginFor(image, { auths, credsStore: 'desktop' })).toEqual(login)
  })

  test('is none without a file, and in a file without logins', () => {
    for (const file of [null, {}, { auths: {} }]) expect(loginFor('ghcr.io/me/engine', file)).toBeNull()
  })

  test.each(['no JSON', '[]', '{"auths":{"ghcr.io":"me"}}', 'folder'])(
    'of a file that cannot be read (%s) is refused, and says which file and what to do',
    (file) => {
      let failure: unknown
      try {
        loginFor('ghcr.io/me/engine', file)
      } catch (error) {
        failure = error
      }
      expect(failure).toBeInstanceOf(RuntimeFailure)
      expect(failure).toMatchObject({
        code: 'refused',
        message: expect.stringMatching(/config\.json.*docker login/),
      })
    },
  )
})
