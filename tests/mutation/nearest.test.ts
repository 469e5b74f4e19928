import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { importsIn, nearestFirst } from './nearest.ts'

const IMPORTS = new Map([
  ['src/control/vpn/nodes.ts', ['src/core/vpn.ts']],
  ['src/wire.ts', ['src/control/vpn/nodes.ts']],
  ['tests/rig.ts', ['src/wire.ts']],
  ['tests/unit/control/feed.test.ts', ['tests/rig.ts']],
  ['tests/unit/control/vpn.test.ts', ['tests/rig.ts']],
  ['tests/unit/core/vpn.test.ts', ['src/core/vpn.ts']],
  ['tests/unit/core/ports.test.ts', ['src/core/ports.ts']],
  ['tests/unit/control/node.test.ts', ['src/control/vpn/nodes.ts']],
])

test('the tests nearest to a file come first, then those that share its words, then the rest', () => {
  const tests = [...IMPORTS.keys()].filter((file) => file.endsWith('.test.ts'))
  expect(nearestFirst(tests, 'src/core/vpn.ts', IMPORTS)).toEqual([
    'tests/unit/core/vpn.test.ts',
    'tests/unit/control/node.test.ts',
    'tests/unit/control/vpn.test.ts',
    'tests/unit/control/feed.test.ts',
    'tests/unit/core/ports.test.ts',
  ])
})

test('imports are found, but for those of types', async () => {
  const imports = await importsIn(join(import.meta.dir, '../..'))
  expect(imports.get('tests/mutation/nearest.test.ts')).toEqual(['tests/mutation/nearest.ts'])
  expect(imports.get('tests/mutation/faults/mutation.ts')).toEqual([])
  expect(imports.get('tests/mutation/mutations.ts')).toContain('tests/mutation/faults/plan.ts')
})
