import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { MUTATIONS } from './mutations.ts'

const ROOT = join(import.meta.dir, '../..')

test('there are at least forty, each with a name of its own', () => {
  expect(MUTATIONS.length).toBeGreaterThanOrEqual(40)
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length)
})

test.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
  '%s: fits the code',
  async (_, mutation) => {
    const text = await Bun.file(join(ROOT, mutation.file)).text()
    expect(text.split(mutation.from).length - 1).toBe(1)
    expect(mutation.to).not.toBe(mutation.from)
  },
)
