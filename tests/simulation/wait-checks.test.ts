import { expect, test } from 'bun:test'
import { type Wait, waitFault } from './wait-checks.ts'

const wait = (seconds: number, detail: unknown): Wait => ({
  seconds,
  answer: { status: 503, body: { code: 'some_code', detail } },
})
const object = (seconds: number): Wait => wait(seconds, { code: 'some_code' })
const vpn = (seconds: number): Wait => wait(seconds, 'VPN not available')

test('waits of objects that exceed the bound together are a fault, with every setting', () => {
  for (const detail of ['auto', 'object', 'text']) {
    expect(waitFault([object(4), object(8)], { detail, viewerWaitS: 12 })).toBeNull()
    expect(waitFault([object(5), object(8)], { detail, viewerWaitS: 12 })).toBe(
      'its answers make acexy wait 5 s for some_code and 8 s for some_code, and VIEWER_WAIT_S is 12',
    )
  }
})

test('the sentence about the VPN is no fault with auto, others are, and with text none is', () => {
  const fault = (waits: readonly Wait[], detail: string) => waitFault(waits, { detail, viewerWaitS: 12 })
  expect(fault([vpn(30), vpn(60)], 'auto')).toBeNull()
  expect(fault([vpn(30), object(13)], 'auto')).not.toBeNull()
  expect(fault([wait(15, 'maximum capacity reached')], 'auto')).not.toBeNull()
  expect(fault([wait(15, 'maximum capacity reached')], 'text')).toBeNull()
  expect(fault([vpn(30)], 'object')).not.toBeNull()
})
