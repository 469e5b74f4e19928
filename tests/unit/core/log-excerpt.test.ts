import { expect, test } from 'bun:test'
import { logExcerpt } from '../../../src/core/engines/log-excerpt.ts'
import { secretValues } from '../../../src/core/secrets.ts'

test('the last 20 lines are kept, each at most 300 characters, and empty lines are left out', () => {
  const text = `${Array.from({ length: 30 }, (_, index) => `line ${index}\n\n`).join('')}${'x'.repeat(1_000)}`
  const lines = logExcerpt(text, [])
  expect(lines).toHaveLength(20)
  expect(lines[0]).toBe('line 11')
  expect(lines.at(-1)).toBe(`${'x'.repeat(300)}…`)
})

test.each([
  ['start --access-token=abcdef --port 1', 'start --access-token=*** --port 1'],
  ['"password": "hunter2", "port": 1', '"password": "***", "port": 1'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
  ['API_KEY=12 DEBUG=1', 'API_KEY=*** DEBUG=1'],
  ['GET http://joe:pw@tracker/x', 'GET http://***@tracker/x'],
  ['the key of this stream is public', 'the key of this stream is public'],
  ['tokens: 5 of 6', 'tokens: 5 of 6'],
  ['fatal: --password pw66 --token=abc', 'fatal: --password *** --token=***'],
  ['--access-token tt77 --bind-all', '--access-token *** --bind-all'],
  ['--no-key --port 1', '--no-key --port 1'],
  ['PRIVATE_KEY=pk33 wireguard_private_key pk44', 'PRIVATE_KEY=*** wireguard_private_key ***'],
  ['pass=pp88 pwd=pp99', 'pass=*** pwd=***'],
  ['Cookie: sid=cc11', 'Cookie: ***'],
])('%s', (line, masked) => {
  expect(logExcerpt(line, [])).toEqual([masked])
})

test('values of variables with a secret name are masked wherever they stand', () => {
  const secrets = secretValues({ MY_TOKEN: 'sesame-street', HTTP_PORT: '19000', PASSWORD: 'abc' })
  expect(secrets).toEqual(['sesame-street', 'abc'])
  // A short value would make the text unreadable.
  expect(logExcerpt('login as sesame-street abc', secrets)).toEqual(['login as *** abc'])
})
