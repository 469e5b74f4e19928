import { expect, test } from 'bun:test'
import { decodeJson } from '../go-json.ts'

test.each([
  ['', 'EOF'],
  ['  ', 'EOF'],
  ['not json', "invalid character 'o' in literal null (expecting 'u')"],
  ['trve', "invalid character 'v' in literal true (expecting 'u')"],
  ['xml', "invalid character 'x' looking for beginning of value"],
  ['{"status":', 'unexpected EOF'],
  ['nul', 'unexpected EOF'],
])('%j: %s', (text, error) => expect(decodeJson(text)).toEqual({ error }))

test('a value, with white space before it', () => {
  expect(decodeJson(' {"status":"running"}')).toEqual({ value: { status: 'running' } })
})
