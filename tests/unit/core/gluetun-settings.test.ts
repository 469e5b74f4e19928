import { expect, test } from 'bun:test'
import { forwardingSettings } from '../../../src/core/vpn/gluetun-settings.ts'

test.each([
  [{}, false],
  [{ VPN_PORT_FORWARDING: 'off' }, false],
  [{ VPN_PORT_FORWARDING: ' On ' }, true],
  [{ VPN_PORT_FORWARDING: 'off', PORT_FORWARDING: 'true' }, true],
  [{ PRIVATE_INTERNET_ACCESS_VPN_PORT_FORWARDING: 'on' }, true],
])('%p asks for a port: %p', (variables, asksForPort) => {
  expect(forwardingSettings(variables)).toEqual({ asksForPort, inputPorts: [] })
})

test('ports that the firewall lets in are read as far as they are ports', () => {
  expect(forwardingSettings({ FIREWALL_VPN_INPUT_PORTS: '50000, 50001,x,0,65536,50000' }).inputPorts).toEqual(
    [50_000, 50_001],
  )
})
