import { describe, expect, test } from 'bun:test'
import { isPrivateAddress } from '../private-address.ts'
import { SettingError } from '../setting-values.ts'
import { readSettings } from '../settings.ts'

describe('settings', () => {
  test('without any, the ports are those of the real engine', () => {
    expect(readSettings({}, [])).toMatchObject({
      httpPort: 6878,
      httpsPort: 6879,
      apiPort: 62_062,
      p2pPort: 8621,
      bindAll: false,
      control: { port: 6870, mayFail: true },
    })
  })

  test('the environment names of the images are read', () => {
    const env = {
      HTTP_PORT: '7001',
      HTTPS_PORT: '7002',
      API_PORT: '7003',
      P2P_PORT: '7004',
      BIND_ALL: 'true',
    }
    expect(readSettings(env, [])).toMatchObject({
      httpPort: 7001,
      httpsPort: 7002,
      apiPort: 7003,
      p2pPort: 7004,
      bindAll: true,
    })
  })

  test.each(['\n', ' ', '\r\n'])('CONF holds flags separated by %j', (separator) => {
    const flags = ['--http-port=7001', '--https-port=7002', '--api-port=7003', '--port=7004', '--bind-all']
    const settings = readSettings({ CONF: flags.join(separator) }, [])
    expect(settings).toMatchObject({
      httpPort: 7001,
      httpsPort: 7002,
      apiPort: 7003,
      p2pPort: 7004,
      bindAll: true,
    })
    expect(settings.flags).toEqual(flags)
  })

  test('the command wins over CONF, CONF over the environment', () => {
    const env = { HTTP_PORT: '7001', API_PORT: '7003', CONF: '--http-port=8001 --api-port=8003' }
    expect(readSettings(env, ['--http-port', '9001'])).toMatchObject({ httpPort: 9001, apiPort: 8003 })
  })

  test('unknown flags are ignored, and kept to be looked at', () => {
    const args = ['--client-console', '--live-cache-type', 'memory', '--http-port=7001']
    expect(readSettings({}, args)).toMatchObject({ httpPort: 7001, flags: args })
  })

  test('the control port may be given as a distance from the HTTP port', () => {
    const settings = readSettings({ CONF: '--http-port=19000', CONTROL_PORT: '+20000' }, [])
    expect(settings.control).toEqual({ port: 39_000, mayFail: false })
  })

  test.each([
    [{ HTTP_PORT: '70000' }, 'HTTP_PORT'],
    [{ P2P_PORT: 'x' }, 'P2P_PORT'],
    [{ BOOT_MS: '-1' }, 'BOOT_MS'],
    [{ TUNNEL_URL: 'nowhere' }, 'TUNNEL_URL'],
    [{ FAULTS: '{"colour":"red"}' }, 'colour'],
    [{ FAULTS: '{' }, 'FAULTS'],
    [{ HTTP_PORT: '60000', CONTROL_PORT: '+20000' }, 'CONTROL_PORT'],
  ])('%j is refused by name', (env, name) => {
    expect(() => readSettings(env, [])).toThrow(SettingError)
    expect(() => readSettings(env, [])).toThrow(name)
  })
})

describe('private addresses', () => {
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.9.9',
    '192.168.1.1',
    '::1',
    '::ffff:10.0.0.1',
    'fd00::1',
  ])('%s is served without bind-all', (address) => expect(isPrivateAddress(address)).toBe(true))

  test.each([
    '8.8.8.8',
    '172.32.0.1',
    '172.15.0.1',
    '11.0.0.1',
    '2001:db8::1',
    '::ffff:1.2.3.4',
    '110.0.0.1',
  ])('%s is not', (address) => expect(isPrivateAddress(address)).toBe(false))
})
