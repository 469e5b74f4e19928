import { expect, test } from 'bun:test'
import { TurnedAway } from '../../../src/control/reporting/turned-away.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

test('what was turned away is one line each, for debugging but for one a minute that may have been meant in earnest', async () => {
  const clock = new VirtualClock()
  const lines: string[] = []
  const note = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${JSON.stringify(fields)} ${message}`)
  }
  const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
  const turnedAway = new TurnedAway({ clock, log })
  const tell = (code: string) => turnedAway.tell({ code, message: 'why', method: 'GET' })
  for (const code of ['malformed_host', 'host_not_allowed', 'cross_site', 'host_not_allowed']) tell(code)
  await clock.advance(60_000)
  tell('malformed_target')
  tell('cross_site')
  const line = (level: string, code: string) =>
    `${level} {"code":"${code}","method":"GET"} a request was turned away: why`
  expect(lines).toEqual([
    line('debug', 'malformed_host'),
    line('warn', 'host_not_allowed'),
    line('debug', 'cross_site'),
    line('debug', 'host_not_allowed'),
    line('debug', 'malformed_target'),
    line('warn', 'cross_site'),
  ])
})
