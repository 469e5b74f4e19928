import { expect, test } from 'bun:test'
import { cellsOf } from '../../../src/panel/reading/engine-list.ts'
import { hostAnswer, nodeOf } from '../../../src/panel/reading/hosts.ts'
import { anEngine } from '../../support/panel-builders.ts'

test('a node of a swarm is named where it stands, and the one host of a Docker Engine is not', () => {
  const swarm = anEngine('a', { host: '10.0.0.2', host_name: 'worker-1' })
  expect([nodeOf(swarm), cellsOf(swarm).address]).toEqual(['worker-1', '10.0.0.2:19000 (worker-1)'])
  expect([nodeOf(anEngine('a')), cellsOf(anEngine('a')).address]).toEqual([null, '127.0.0.1:19000'])
})

test.each([
  ['up', 'ok'],
  ['paused', 'warn'],
  ['drained', 'warn'],
  ['lost', 'bad'],
] as const)('a node that is %s is shown as %s', (state, tone) => {
  const host = { name: 'worker-1', address: '10.0.0.2', state, engines: 3, free: 1 }
  expect(hostAnswer(host)).toMatchObject({
    name: 'worker-1 at 10.0.0.2',
    tone,
    word: state,
    text: '3 engines, 1 free',
  })
})
