import { afterEach, describe, expect, test } from 'bun:test'
import { loadConfig } from '../../../src/config/config.ts'
import { isReservedLabel } from '../../../src/core/engines/labels.ts'
import { LABEL, Rig } from '../../support/rig.ts'
import { startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

/** Every label that has, or will have, a meaning of its own on one of our containers. */
const LABELS = [
  'roundhouse.engine',
  'roundhouse.config',
  'roundhouse.generic',
  'roundhouse.installation',
  'roundhouse.anything',
  'acestream.http_port',
  'acestream.https_port',
  'acestream.api_port',
  'acestream.p2p_port',
  'acestream.vpn_container',
  'acestream.forwarded',
  'host.http_port',
  'host.https_port',
]

let rig: Rig | null = null
afterEach(async () => {
  await rig?.dispose()
  rig = null
})

describe('a label of ours', () => {
  test.each(LABELS)('%s names no installation', (key) => {
    expect(loadConfig({ CONTAINER_LABEL: `${key}=1` }, [])).toMatchObject({
      problems: [{ variable: 'CONTAINER_LABEL', remedy: expect.stringContaining('roundhouse. ') }],
    })
  })

  test.each(LABELS)('%s is set by no caller', async (key) => {
    rig = await new Rig().start()
    for (const path of ['/provision/acestream', '/provision']) {
      const response = await rig.request('POST', path, { labels: { [key]: '1' } })
      expect(response.status).toBe(422)
      expect(await response.json()).toMatchObject({ detail: [{ loc: ['body', 'labels', key] }] })
    }
    expect(rig.runtime.containers()).toEqual([])
  })

  test('is each one that a container of ours carries', async () => {
    const behind = await startBehindVpn(['gluetun'], { ACE_MAP_HTTPS: 'true' })
    rig = behind.rig
    const [node] = behind.nodes
    if (node !== undefined) node.control = { forwardedPorts: [51_413] }
    node?.report()
    await settled()
    await rig.provision()
    await rig.during(rig.request('POST', '/provision', {}))
    const keys = rig.runtime.containers().flatMap(({ labels }) => Object.keys(labels))
    expect(keys).toContain('acestream.forwarded')
    expect(keys).toContain('roundhouse.generic')
    expect(keys.filter((key) => key !== LABEL.key && !isReservedLabel(key))).toEqual([])
  })

  test.each(['ondemand.app', 'hosts', 'roundhouse', 'my.roundhouse.engine'])('%s is none', (key) => {
    expect(loadConfig({ CONTAINER_LABEL: `${key}=1` }, [])).toMatchObject({ warnings: [] })
    expect(isReservedLabel(key)).toBe(false)
  })
})
