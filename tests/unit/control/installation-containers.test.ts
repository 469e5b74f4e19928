import { expect, test } from 'bun:test'
import { sortByInstallation } from '../../../src/control/containers/installation-containers.ts'
import type { ContainerObservation } from '../../../src/runtime/runtime.ts'

/** A container in a list. Only its id and its labels matter. */
function listed(id: string, labels: Readonly<Record<string, string>>): ContainerObservation {
  return {
    ...{
      id,
      name: id,
      image: 'engine:1',
      imageId: null,
      state: 'running',
      labels,
      variables: {},
      ports: [],
      openPorts: [],
      loopbackPorts: [],
      address: null,
    },
    ...{
      addresses: [],
      networks: [],
      gateways: {},
      joins: null,
      health: null,
      healthText: null,
      host: null,
      createdAtMs: 0,
    },
    ...{ startedAtMs: null, exitCode: null, restarts: null },
  }
}

const of = (installation: string) => ({ 'roundhouse.installation': installation })
const ALL = [
  listed('ours', { ...of('a'), 'roundhouse.engine': 'e1' }),
  listed('generic', { ...of('a'), 'roundhouse.generic': 'true' }),
  listed('taken-over', { ...of('b'), 'roundhouse.engine': 'e2' }),
  listed('theirs', { ...of('b'), 'roundhouse.engine': 'e3' }),
  listed('before-ids', { 'roundhouse.engine': 'e4' }),
  listed('earlier', { 'acestream.http_port': '40000' }),
  listed('stranger', {}),
  listed('blank', of('')),
]

const idsOf = (containers: readonly ContainerObservation[]) => containers.map(({ id }) => id)

test('ours carry the id of the database, or none and are engines, or have a live row', () => {
  const rows = { installation: 'a', streams: new Map([['taken-over', 1]]) }
  const { ours, others } = sortByInstallation(ALL, rows)
  expect(idsOf(ours)).toEqual(['ours', 'generic', 'taken-over', 'before-ids', 'earlier'])
  expect(idsOf(others)).toEqual(['theirs', 'stranger', 'blank'])
})

test('without a database only engines without an id are ours', () => {
  expect(idsOf(sortByInstallation(ALL, null).ours)).toEqual(['before-ids', 'earlier'])
})
