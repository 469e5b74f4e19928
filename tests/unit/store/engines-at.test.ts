import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { matchEngine, portsOf } from '../../../src/core/streams/matching.ts'
import { type Engine, LIVE_STATUSES } from '../../../src/core/types.ts'
import { insertEngine, liveEngines, liveEnginesAt } from '../../../src/store/engines.ts'
import { engine } from '../../support/builders.ts'
import { tempStore } from '../../support/temp-store.ts'

const HOSTS = ['localhost', '127.0.0.1', 'acestream-1', 'gluetun', '172.17.0.2'] as const
const PORTS = [80, 6878, 19_000, 19_001, 19_002] as const

const host = fc.constantFrom(...HOSTS)
const port = fc.constantFrom(...PORTS)
const containerId = fc.constantFrom(null, 'one', 'two')

const engineMembers = fc.record({
  status: fc.constantFrom(...LIVE_STATUSES, 'gone' as const, 'failed' as const),
  name: fc.constantFrom('acestream-1', 'acestream-2'),
  vpnNode: fc.constantFrom(null, 'gluetun'),
  httpPort: port,
  hostHttpPort: port,
  address: fc.constantFrom(null, '172.17.0.2'),
})
const place = fc.record({
  statUrl: fc.oneof(
    fc.constant(''),
    fc.tuple(host, port).map(([name, number]) => `http://${name}:${number}/ace/stat/a/b`),
  ),
  host,
  port,
  containerId,
})

const known = ({ name, vpnNode, httpPort, hostHttpPort, address }: Engine) => [
  { host: vpnNode ?? name, port: httpPort },
  { host: 'localhost', port: hostHttpPort },
  ...(address === null ? [] : [{ host: address, port: httpPort }]),
]

test('an event finds the same engine among the rows of its ports as among all rows', () => {
  fc.assert(
    fc.property(fc.array(engineMembers, { maxLength: 6 }), place, (members, at) => {
      const temp = tempStore()
      try {
        const { store } = temp
        store.transact((tx) => {
          for (const [n, each] of members.entries())
            insertEngine(
              tx,
              engine({ ...each, id: `engine-${n}`, containerId: ['one', 'two'][n] ?? `c${n}` }),
            )
        })
        const among = (engines: readonly Engine[]) => matchEngine(at, engines, known)?.id ?? null
        const narrowed = liveEnginesAt(store.db, portsOf(at), at.containerId)
        expect(among(narrowed)).toBe(among(liveEngines(store.db)))
      } finally {
        temp.dispose()
      }
    }),
  )
})
