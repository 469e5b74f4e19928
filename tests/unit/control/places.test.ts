import { expect, test } from 'bun:test'
import { Places } from '../../../src/lib/places.ts'

test('places are bounded in all and for one address, and each is given back once', () => {
  const places = new Places({ all: 4, ofOneAddress: 2 })
  const [first, second] = [places.take('10.0.0.1'), places.take('10.0.0.1')]
  expect(places.take('10.0.0.1')).toBeNull()
  // Who is not counted by address is counted in all.
  expect([places.take(null), places.take(null)].includes(null)).toBe(false)
  expect(places.take('10.0.0.2')).toBeNull()
  first?.()
  first?.()
  expect(places.take('10.0.0.1')).not.toBeNull()
  expect([places.take('10.0.0.1'), places.take('10.0.0.2')]).toEqual([null, null])
  second?.()
  expect(places.take('10.0.0.2')).not.toBeNull()
})
