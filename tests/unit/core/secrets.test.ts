import { expect, test } from 'bun:test'
import {
  knownMask,
  maskOf,
  namesSecret,
  secretValues,
  secretWords,
  sentenceMask,
  shownValues,
  shownWords,
} from '../../../src/core/secrets.ts'

test('a value is masked wherever it stands, also as in JSON, in a URL and as a part of another one', () => {
  const mask = knownMask(['s"1/x', 'sesame', 'sesame-street'])
  expect(mask('open sesame')).toBe('open ***')
  expect(mask('sesame-street')).toBe('***')
  expect(mask(JSON.stringify({ at: 's"1/x' }))).toBe('{"at":"***"}')
  expect(mask('GET /?a=s%221%2Fx')).toBe('GET /?a=***')
})

test('short values and plain words are left, so that texts stay readable', () => {
  expect(knownMask(['abc', '', 'true', 'none'])('abc is true, none')).toBe('abc is true, none')
})

test.each([
  ['Bearer abc.def', 'Bearer ***'],
  ['Basic dXNlcjpwdw==', 'Basic ***'],
  ['authorization: basic dXNlcjpwdw==', 'authorization: basic ***'],
  ['GET /engines?api_key=12&x=1', 'GET /engines?api_key=***&x=1'],
  ['http://joe:pw@gluetun:8000/v1', 'http://***@gluetun:8000/v1'],
])('%s', (text, masked) => {
  expect(maskOf([])(text)).toBe(masked)
})

test.each([
  ['API_KEY: nobody may change anything without it', 'API_KEY: nobody may change anything without it'],
  ['set API_KEY=$(openssl rand -hex 32)', 'set API_KEY=$(openssl rand -hex 32)'],
  ['http://x/engines?token=one&x=2', 'http://x/engines?token=***&x=2'],
  ['http://joe:pw@x/', 'http://***@x/'],
  ['Bearer abc', 'Bearer ***'],
  ['it was sent "authorization": "Bearer abc"', 'it was sent "authorization": "Bearer ***"'],
  ['opened with sesame', 'opened with ***'],
])('of our own sentences, %s', (text, masked) => {
  expect(sentenceMask(['sesame'])(text)).toBe(masked)
})

test('a name says whether its value is secret', () => {
  const secret = [
    'API_KEY',
    'x-token',
    'DB_PASSWD',
    'PGPASS',
    'MY_PWD',
    'CLIENT_SECRET',
    'CREDENTIALS',
    'COOKIE',
  ]
  expect(secret.filter((name) => !namesSecret(name))).toEqual([])
  expect(['HTTP_PORT', 'TZ', 'LANG', 'USER', 'image.authors'].filter(namesSecret)).toEqual([])
  expect(shownValues({ 'a.token': 'x', plain: 'y' })).toEqual({ 'a.token': '***', plain: 'y' })
  expect(secretValues({ MY_TOKEN: 'a b', TZ: 'UTC' })).toEqual(['a b'])
})

test('the words of a command are secret behind a flag with such a name', () => {
  const words = [
    'start',
    '--access-token',
    'one',
    '--api-key=two=2',
    '--no-password',
    '--port',
    '6878',
    'token',
  ]
  expect(secretWords(words)).toEqual(['one', 'two=2'])
  const shown = [
    'start',
    '--access-token',
    '***',
    '--api-key=***',
    '--no-password',
    '--port',
    '6878',
    'token',
  ]
  expect(shownWords(words)).toEqual(shown)
})

test.each(['x', 'key ', 'a-', '://a@', 'key=', '--key ', '?key', 'authorization='])(
  'a long text of %j is masked at once',
  (part) => {
    const startedMs = performance.now()
    for (const mask of [maskOf, sentenceMask]) mask(['sesame'])(part.repeat(20_000))
    expect(performance.now() - startedMs).toBeLessThan(1_000)
  },
)
