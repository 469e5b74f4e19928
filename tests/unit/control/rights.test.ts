import { afterEach, describe, expect, test } from 'bun:test'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

interface StatusRow {
  readonly status: string
  readonly provisioning: { readonly can_provision: boolean; readonly blocked_reason: string | null }
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}

let rig: Rig
afterEach(() => rig.dispose())

async function start(...forbids: Rig['runtime']['forbids']): Promise<void> {
  rig = new Rig()
  rig.runtime.forbids = forbids
  await rig.start()
  await rig.clock.advance(1)
  await settled()
}

const status = () => rig.json<StatusRow>('GET', '/orchestrator/status')
const readiness = async () => (await rig.request('GET', '/readyz')).json() as Promise<object>

describe('a proxy in front of Docker', () => {
  test.each(['create', 'start', 'remove', 'containers'] as const)(
    'that forbids %s: status, readiness and a provision say so, and what to allow',
    async (right) => {
      await start(right)
      const { status: state, provisioning, warnings } = await status()
      expect(state).toBe('unavailable')
      expect(provisioning.can_provision).toBe(false)
      expect(warnings).toMatchObject([
        { code: 'docker_forbids', remedy: expect.stringContaining('CONTAINERS=1') },
      ])
      const said = expect.stringMatching(/ forbids (?:GET|POST|DELETE) .*: allow it there \(CONTAINERS=1/)
      expect(await readiness()).toMatchObject({ status: 'degraded', reason: said })
      const refused = await rig.provision()
      expect(refused.status).toBe(503)
      expect(await refused.json()).toMatchObject({ code: 'runtime_unavailable', message: said })
    },
  )

  test.each([
    ['events', 'EVENTS=1', 'full pass'],
    ['exec', 'EXEC=1 POST=1', 'traffic alone'],
    ['images', 'IMAGES=1', 'missing or new image'],
  ] as const)('that forbids %s is told, and engines are started', async (right, setting, loss) => {
    await start(right)
    const { provisioning, warnings } = await status()
    expect(provisioning.can_provision).toBe(true)
    expect(warnings).toMatchObject([
      { message: expect.stringContaining(loss), remedy: expect.stringContaining(setting) },
    ])
    expect(await readiness()).toMatchObject({ status: 'ready' })
    expect((await rig.provision()).status).toBe(200)
  })

  test('that is set right is found within seconds, without a restart', async () => {
    await start('create', 'events')
    rig.runtime.forbids = []
    await rig.clock.advance(11_000)
    expect((await status()).warnings).toEqual([])
    expect(await readiness()).toMatchObject({ status: 'ready' })
    expect((await rig.provision()).status).toBe(200)
  })

  test('that was set wrong while Docker was away is found when it answers again', async () => {
    await start()
    expect((await status()).warnings).toEqual([])
    rig.runtime.goDown()
    await rig.clock.advance(5_000)
    rig.runtime.forbids = ['create']
    rig.runtime.comeUp()
    await rig.clock.advance(10_000)
    expect((await status()).warnings).toMatchObject([{ code: 'docker_forbids' }])
  })
})
