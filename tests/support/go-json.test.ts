import { describe, expect, test } from 'bun:test'
import {
  decodeGoJson,
  GoJsonError,
  type GoType,
  goBool,
  goInt,
  goMap,
  goPointer,
  goSlice,
  goString,
  goStruct,
  goTime,
} from './go-json.ts'

const decoded = (type: GoType<unknown>, text: string): unknown => decodeGoJson(text, type)

describe('what Go takes', () => {
  const taken: readonly [string, GoType<unknown>, unknown][] = [
    ['12', goInt, 12],
    ['-0', goInt, -0],
    ['9223372036854775807', goInt, 2 ** 63],
    ['null', goInt, 0],
    ['null', goBool, false],
    ['null', goString, ''],
    ['null', goTime, null],
    ['null', goSlice(goInt), []],
    ['null', goPointer(goInt), null],
    ['[1,null]', goSlice(goInt), [1, 0]],
    [
      '{"a":"b","A":"c"}',
      goMap(goString),
      new Map([
        ['a', 'b'],
        ['A', 'c'],
      ]),
    ],
    ['"2026-01-01T12:00:00Z"', goTime, new Date('2026-01-01T12:00:00Z')],
    ['"2024-02-29T23:59:59.123456789+02:00"', goTime, new Date('2024-02-29T21:59:59.123Z')],
  ]
  test.each(taken)('%s', (text, type, value) => expect(decoded(type, text)).toEqual(value))
})

describe('what Go refuses', () => {
  const refused: readonly [string, GoType<unknown>][] = [
    ['12.0', goInt],
    ['1.5', goInt],
    ['1e3', goInt],
    ['"12"', goInt],
    ['true', goInt],
    ['9223372036854775808', goInt],
    ['0', goBool],
    ['"true"', goBool],
    ['12', goString],
    ['{}', goString],
    ['{"a":1}', goMap(goString)],
    ['{"items":[]}', goSlice(goInt)],
    ['[]', goStruct({})],
    ['"2026-01-01T12:00:00"', goTime],
    ['"2026-01-01 12:00:00Z"', goTime],
    ['"2026-01-01T12:00:00+0200"', goTime],
    ['"2026-02-29T12:00:00Z"', goTime],
    ['"2026-01-01T24:00:00Z"', goTime],
    ['""', goTime],
    ['1767268800', goTime],
    ['[1]]', goSlice(goInt)],
    ['', goInt],
  ]
  test.each(refused)('%s', (text, type) => expect(() => decoded(type, text)).toThrow(GoJsonError))
})

describe('a struct', () => {
  const type = goStruct({ port: goInt, name: goPointer(goString), inner: goStruct({ id: goInt }) })

  test('has zero values for what is missing or null and ignores what it does not know', () =>
    expect(decoded(type, '{"inner":null,"more":[1.5]}')).toEqual({ port: 0, name: null, inner: { id: 0 } }))

  test('takes names of any case, the later of two, and keeps its value at null', () =>
    expect(decoded(type, '{"PORT":1,"port":2,"Port":null,"Inner":{"ID":3},"inner":{}}')).toEqual({
      port: 2,
      name: null,
      inner: { id: 3 },
    }))

  test('names the member that it refuses', () =>
    expect(() => decoded(goSlice(type), '[{"port":1},{"port":2.0}]')).toThrow('$[1].port is 2.0, not an int'))
})
