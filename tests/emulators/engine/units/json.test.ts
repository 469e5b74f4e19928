import { expect, test } from 'bun:test'
import { printJson } from '../json.ts'

test('JSON has a space after each colon and comma, and none in the texts themselves', () => {
  const value = { list: [1, null, true], text: 'a:b,"c"', none: {}, empty: [] }
  expect(printJson(value)).toBe('{"list": [1, null, true], "text": "a:b,\\"c\\"", "none": {}, "empty": []}')
  expect(JSON.parse(printJson(value))).toEqual(value)
})
