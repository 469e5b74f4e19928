import { afterEach, expect, test } from 'bun:test'
import { Rig } from '../../support/rig.ts'

/* The summary in the log once all engines were found at the start. */

let rig: Rig
afterEach(() => rig.dispose())

const summaries = () => rig.logged.filter((line) => line.startsWith('ready: '))

test('a start is summed up once, with what there is', async () => {
  rig = await new Rig().start()
  await rig.clock.advance(1_000)
  await rig.provision()
  await rig.play(19_000)
  await rig.restart()
  await rig.clock.advance(30_000)
  expect(summaries()).toEqual([
    'ready: 0 engines, 0 streams, nothing to be warned of {"engines":0,"streams":0,"warnings":[]}',
    'ready: 1 engine, 1 stream, nothing to be warned of {"engines":1,"streams":1,"warnings":[]}',
  ])
})

test('what is wrong at the start is named', async () => {
  rig = await new Rig().start()
  await rig.provision()
  await rig.restart({ GLUETUN_CONTAINER_NAME: 'gluetun', VPN_STRICT: 'false' })
  await rig.clock.advance(5_000)
  expect(summaries().at(-1)).toStartWith(
    'ready: 1 engine, 1 of them made from another image or by other settings and renewed when idle, 0 streams, ' +
      'warnings: engines_outside_vpn',
  )
})
