import { describe, expect, test } from 'bun:test'
import {
  filledText,
  filledVariables,
  filledWhole,
  filledWords,
  type PlaceholderValues,
} from '../../../src/core/engines/placeholders.ts'

/** An engine without a VPN, which has no API port. */
const values: PlaceholderValues = {
  http_port: 19_000,
  'http_port+1': 19_001,
  https_port: 20_000,
  api_port: null,
  p2p_port: 8_700,
  cache_gb: 2,
  cache_bytes: 2 * 1024 ** 3,
}

describe('a text', () => {
  test.each([
    ['{http_port} {http_port+1} {https_port} {p2p_port}', '19000 19001 20000 8700'],
    ['--cache-limit={cache_gb} size={cache_bytes}', '--cache-limit=2 size=2147483648'],
    ['no placeholder,  two spaces ', 'no placeholder,  two spaces '],
    ['{unknown} {} {http_port', '{unknown} {} {http_port'],
    ['', ''],
    // Words whose placeholder is empty.
    ['--a --api-port={api_port} --b', '--a --b'],
    ['--api-port={api_port} --b', '--b'],
    ['--a\n--api-port={api_port}\n--b', '--a\n--b'],
    ['--a --api-port {api_port} --b', '--a --b'],
    ['--a=1 {api_port}  --b', '--a=1  --b'],
    ['{api_port}', null],
    ['--api-port {api_port}', null],
    ['x{http_port}{api_port}', null],
  ])('%j becomes %j', (text, filled) => {
    expect(filledText(text, values)).toBe(filled)
  })

  test('that makes no sense in parts is left out as a whole', () => {
    expect(filledWhole('cache {http_port}:/cache', values)).toBe('cache 19000:/cache')
    expect(filledWhole('cache {api_port}:/cache', values)).toBeNull()
  })
})

test.each([
  [
    ['start', '--port={p2p_port}', '--api-port={api_port}'],
    ['start', '--port=8700'],
  ],
  [
    ['start', '--api-port', '{api_port}', '--port', '{p2p_port}'],
    ['start', '--port', '8700'],
  ],
  [
    ['start', '--quiet', '', '{api_port}'],
    ['start', '--quiet', ''],
  ],
  [
    ['sh', '-c', 'exec start --api-port={api_port} --x'],
    ['sh', '-c', 'exec start --x'],
  ],
])('the command %j becomes %j', (words, filled) => {
  expect(filledWords(words, values)).toEqual(filled)
})

test('a variable of which nothing is left is left out, and an empty one stays', () => {
  const env = { HTTP_PORT: '{http_port}', API_PORT: '{api_port}', EMPTY: '', FLAGS: '--a={api_port} --b' }
  expect(filledVariables(env, values)).toEqual({ HTTP_PORT: '19000', EMPTY: '', FLAGS: '--b' })
})
