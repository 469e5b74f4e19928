import { expect, test } from 'bun:test'
import { isOfOthers, othersWarning } from '../../../src/core/containers/installation.ts'

const container = (installation: string | null) => ({ containerId: 'container', installation })
const row = (status: 'ready' | 'gone', containerId: string | null) => ({ status, containerId })

test.each([
  ['ours', null, false],
  // The container was created before there were installation ids, or by the earlier orchestrator.
  [null, null, false],
  ['theirs', null, true],
  // The container was taken over, and is ours as long as its engine lives.
  ['theirs', row('ready', 'container'), false],
  ['theirs', row('gone', 'container'), true],
  // The label names an engine of ours that has another container, or none yet.
  ['theirs', row('ready', 'another'), true],
  ['theirs', row('ready', null), true],
] as const)('a container of %p with the row %p belongs to others: %p', (installation, engine, expected) => {
  expect(isOfOthers(container(installation), 'ours', engine)).toBe(expected)
})

test('what is told of others names containers and installations, and is nothing where there are none', () => {
  expect(othersWarning([])).toBeNull()
  expect(othersWarning([{ name: 'one', installation: 'theirs' }])?.message).toBe(
    '1 container of another installation with our CONTAINER_LABEL, left alone: one (theirs)',
  )
  const both = ['one', 'two'].map((name) => ({ name, installation: 'theirs' }))
  expect(othersWarning(both)?.message).toBe(
    '2 containers of another installation with our CONTAINER_LABEL, left alone: one, two (theirs)',
  )
})
