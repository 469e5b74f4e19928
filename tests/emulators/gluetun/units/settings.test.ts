import { describe, expect, test } from 'bun:test'
import { readSettings, SettingError } from '../settings.ts'

test('nothing set: the defaults of the real one', () => {
  expect(readSettings({})).toMatchObject({
    dialect: { name: 'v3.41.3' },
    controlServer: { host: '0.0.0.0', port: 8000 },
    hasControlServer: true,
    healthServer: { host: '127.0.0.1', port: 9999 },
    testControl: { host: '0.0.0.0', port: 8999 },
    roleFilePath: '/gluetun/auth/config.toml',
    portForwarding: false,
    restartVpn: true,
    patienceInitialMs: 6000,
    detectionSpeed: 1,
  })
})

test.each([
  ['v3.38.0', 6],
  ['v3.40.4', 4],
  ['v3.41.3', 240],
])('DETECT_MS=500 makes %s %i times faster', (dialect, speed) => {
  expect(readSettings({ DIALECT: dialect, DETECT_MS: '500' }).detectionSpeed).toBe(speed)
})

test('durations, addresses, ports and switches as Go and Gluetun write them', () => {
  const settings = readSettings({
    HTTP_CONTROL_SERVER_ADDRESS: '127.0.0.1:1234',
    HEALTH_VPN_DURATION_INITIAL: '1.5s',
    HEALTH_VPN_DURATION_ADDITION: '200ms',
    HEALTH_SUCCESS_WAIT_DURATION: '2m',
    FORWARDED_PORT: '1,2',
    HEALTH_RESTART_VPN: 'off',
    VPN_PORT_FORWARDING: 'on',
  })
  expect(settings).toMatchObject({
    controlServer: { host: '127.0.0.1', port: 1234 },
    patienceInitialMs: 1500,
    patienceAdditionMs: 200,
    successWaitMs: 120_000,
    forwardedPorts: [1, 2],
    restartVpn: false,
    portForwarding: true,
  })
})

describe('what cannot be used is named', () => {
  test.each([
    ['DIALECT', 'v4'],
    ['HTTP_CONTROL_SERVER_ADDRESS', '8000'],
    ['HEALTH_SERVER_ADDRESS', ':70000'],
    ['CONTROL_PORT', 'x'],
    ['HEALTH_VPN_DURATION_INITIAL', '6'],
    ['FORWARDED_PORT', '1,x'],
    ['PORT_CHANGE_MS', '1s'],
    ['DETECT_MS', '-1'],
  ])('%s=%s', (name, value) => {
    const read = () => readSettings({ [name]: value })
    expect(read).toThrow(SettingError)
    expect(read).toThrow(new RegExp(`^${name} .*${value.split(',').at(-1)}$`))
  })
})
