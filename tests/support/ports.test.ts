import { expect, test } from 'bun:test'
import { freePort, freePortRange } from './ports.ts'

const MOST = 12_000

const portsOf = ({ first, last }: { readonly first: number; readonly last: number }): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at)

test('what was found lately is not found again, though nobody listens there yet', () => {
  const found = Array.from({ length: 10 }, () => [...portsOf(freePortRange(60)), freePort()]).flat()
  expect(found).toHaveLength(610)
  expect(new Set(found).size).toBe(found.length)
})

test('ports are found without end, and none on which somebody listens', () => {
  const port = freePort()
  const listener = Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } })
  try {
    // More than there are, so that the search begins anew.
    const found = new Set(Array.from({ length: MOST / 60 + 10 }, () => portsOf(freePortRange(60))).flat())
    expect(found.has(port)).toBe(false)
    expect(found.size).toBeGreaterThan(1_000)
  } finally {
    listener.stop(true)
  }
})

test('more ports than there are is an error', () => {
  expect(() => freePortRange(MOST + 1)).toThrow('free ports in a row')
})
