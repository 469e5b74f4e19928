import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { MUTATIONS, placeOf, sourcesIn } from './mutations.ts'
import { readSource, replaced } from './pattern.ts'

const SOURCES = await sourcesIn(join(import.meta.dir, '../..'))
const TRANSPILER = new Bun.Transpiler({ loader: 'ts' })

test('there are at least a hundred, each with a name of its own', () => {
  expect(MUTATIONS.length).toBeGreaterThanOrEqual(100)
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length)
})

test.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
  '%s: fits one place, and what comes of it is another program',
  (_, mutation) => {
    const place = placeOf(mutation, SOURCES)
    const before = TRANSPILER.transformSync(place.source.text)
    expect(TRANSPILER.transformSync(replaced(place, mutation.to))).not.toBe(before)
  },
)

test('a mutation that fits nothing, or two places, is told with the places', () => {
  const sources = [readSource('src/one/a.ts', 'f(a)\ng(b)'), readSource('src/two/b.ts', 'h(1)')]
  const mutation = { name: 'n', from: '$f($a)', to: '' }
  expect(() => placeOf(mutation, sources)).toThrow('n: fits 2 places in src/ src/one/a.ts:1 src/one/a.ts:2')
  expect(() => placeOf({ ...mutation, within: 'two' }, sources)).toThrow('n: fits 0 places in src/two/')
  expect(placeOf({ ...mutation, from: '$f(1)' }, sources).source.file).toBe('src/two/b.ts')
})
