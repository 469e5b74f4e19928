import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import { RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { decodeRefusal } from '../../support/acexy-wire.ts'
import { IMAGE, Rig } from '../../support/rig.ts'
import { startBehindVpn } from '../../support/rig-vpn.ts'
import { settled } from '../../support/virtual-clock.ts'

/* What a refused POST is answered with, in every situation and form, and what the status says meanwhile. */

type Env = Readonly<Record<string, string>>

interface Status {
  readonly provisioning: {
    readonly blocked_reason_details: {
      readonly recovery_eta_seconds: number | null
      readonly should_wait: boolean
    } | null
  }
}

let rig: Rig
let holder: Database | null = null
afterEach(() => {
  holder?.close()
  holder = null
  return rig.dispose()
})

const start = async (env: Env): Promise<void> => {
  rig = await new Rig(env).start()
}

const refuseWrites = (): void => {
  holder = new Database(rig.temp.path)
  holder.run('BEGIN IMMEDIATE')
}

/** Opens the breaker, and lets time pass until `leftS` seconds of its 300 are left. */
async function openBreaker(env: Env, leftS: number): Promise<void> {
  await start({ CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1', ...env })
  rig.runtime.faults.next('start', { kind: 'fail_before', failure: new RuntimeFailure('unrunnable', 'no') })
  await rig.provision()
  await rig.clock.advance((300 - leftS) * 1_000)
}

async function beginPull(env: Env): Promise<void> {
  rig = new Rig({ PULL: 'missing', ...env })
  rig.runtime.removeImage(IMAGE)
  rig.runtime.offerImage(IMAGE)
  rig.runtime.latencyMs = (verb) => (verb === 'pull' ? 60_000 : 0)
  await rig.start()
  await rig.clock.advance(1_000)
}

/** The answer of a POST: its status, the ETA, and whether acexy is to wait. */
interface Expected {
  readonly status: 500 | 503
  readonly code: string
  readonly eta: number | null
  readonly waits: boolean
  /** What the status says after it. */
  readonly shown: Status['provisioning']['blocked_reason_details']
}

const honest = (etaSeconds: number) => ({ recovery_eta_seconds: etaSeconds, should_wait: true })

const situations: readonly (readonly [string, (env: Env) => Promise<void>, Expected])[] = [
  [
    'storage refuses writes',
    async (env) => {
      await start(env)
      refuseWrites()
    },
    { status: 503, code: 'storage_unavailable', eta: 6, waits: true, shown: honest(6) },
  ],
  [
    'the VPN is down',
    async (env) => {
      const { rig: behind, nodes } = await startBehindVpn(['gluetun'], env)
      rig = behind
      for (const node of nodes) node.health = 'unhealthy'
      for (const node of nodes) node.report()
      await settled()
    },
    { status: 503, code: 'vpn_disconnected', eta: 8, waits: true, shown: honest(60) },
  ],
  [
    'the breaker is open for long',
    (env) => openBreaker(env, 300),
    { status: 503, code: 'circuit_breaker', eta: 300, waits: false, shown: honest(300) },
  ],
  [
    'the breaker is open for some seconds',
    (env) => openBreaker(env, 5),
    { status: 503, code: 'circuit_breaker', eta: 5, waits: true, shown: honest(5) },
  ],
  [
    'MAX_REPLICAS is reached',
    async (env) => {
      await start({ MAX_REPLICAS: '1', ...env })
      await rig.provision()
    },
    { status: 503, code: 'max_capacity', eta: 6, waits: true, shown: honest(30) },
  ],
  [
    'no port is free',
    async (env) => {
      await start({ PORT_RANGE_HOST: '19000-19000', ...env })
      await rig.provision()
    },
    { status: 503, code: 'no_free_port', eta: 6, waits: true, shown: honest(30) },
  ],
  [
    'Docker is gone',
    async (env) => {
      await start(env)
      rig.runtime.goDown()
      await rig.clock.advance(5_000)
    },
    { status: 503, code: 'runtime_unavailable', eta: 4, waits: true, shown: honest(5) },
  ],
  [
    'the image is being pulled',
    beginPull,
    { status: 503, code: 'image_pulling', eta: 8, waits: true, shown: honest(30) },
  ],
  [
    'the image is missing',
    async (env) => {
      rig = new Rig(env)
      rig.runtime.removeImage(IMAGE)
      await rig.start()
    },
    {
      status: 500,
      code: 'image_missing',
      eta: null,
      waits: false,
      shown: { recovery_eta_seconds: null, should_wait: false },
    },
  ],
  [
    'the start takes too long',
    async (env) => {
      await start(env)
      rig.runtime.faults.hang('start')
    },
    { status: 503, code: 'provisioning_in_progress', eta: 2, waits: true, shown: null },
  ],
  [
    'Docker refuses the start',
    async (env) => {
      await start(env)
      rig.runtime.faults.next('start', {
        kind: 'fail_before',
        failure: new RuntimeFailure('unrunnable', 'no'),
      })
    },
    { status: 500, code: 'general_error', eta: null, waits: false, shown: null },
  ],
]

const FORMS = ['auto', 'object', 'text'] as const
const isText = (form: (typeof FORMS)[number], code: string): boolean =>
  form === 'text' || (form === 'auto' && code === 'vpn_disconnected')

describe.each(FORMS)('PROVISION_ERROR_DETAIL=%s', (form) => {
  test.each(situations)('%s', async (_, prepare, { status, code, eta, waits, shown }) => {
    await prepare({ PROVISION_ERROR_DETAIL: form })
    const answer = await rig.provision()
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([
      status,
      eta === null ? null : String(eta),
    ])
    const hints = { recovery_eta_seconds: eta, should_wait: waits, can_retry: waits }
    const text = await answer.text()
    const body = JSON.parse(text) as { readonly detail: unknown; readonly message: string }
    expect(body).toMatchObject({ code, ...hints })
    const error = status === 503 ? 'provisioning_blocked' : 'provisioning_failed'
    expect(body.detail).toEqual(
      isText(form, code) ? body.message : { error, code, message: body.message, ...hints },
    )
    const heard = decodeRefusal(text)
    if (!isText(form, code))
      expect(heard).toMatchObject({ code, should_wait: waits, recovery_eta_seconds: eta ?? 0 })
    const { provisioning } = await rig.json<Status>('GET', '/orchestrator/status')
    expect(provisioning).toMatchObject({ blocked_reason_details: shown })
  })
})

describe('VIEWER_WAIT_S=3', () => {
  const SHORT = { VIEWER_WAIT_S: '3' }

  test('shortens the answer of a provision, and not that of the status or of another route', async () => {
    await start(SHORT)
    refuseWrites()
    const engine = await rig.provision()
    expect(await engine.json()).toMatchObject({ code: 'storage_unavailable', recovery_eta_seconds: 1 })
    const generic = await rig.during(rig.request('POST', '/provision', {}))
    expect(await generic.json()).toMatchObject({ code: 'storage_unavailable', recovery_eta_seconds: 1 })
    const scaled = await rig.during(rig.request('POST', '/scale/3', {}))
    expect(await scaled.json()).toMatchObject({
      detail: { code: 'storage_unavailable', recovery_eta_seconds: 6, should_wait: true },
    })
    const { provisioning } = await rig.json<Status>('GET', '/orchestrator/status')
    expect(provisioning.blocked_reason_details).toMatchObject({ recovery_eta_seconds: 6, should_wait: true })
  })

  test('lets acexy wait for a breaker that has 2 s left, and not for one that has 3', async () => {
    await openBreaker(SHORT, 3)
    const early = await rig.provision()
    expect(await early.json()).toMatchObject({ recovery_eta_seconds: 3, should_wait: false })
    await rig.clock.advance(1_000)
    const late = await rig.provision()
    expect(await late.json()).toMatchObject({ recovery_eta_seconds: 2, should_wait: true })
  })
})

test('the very first refused write is counted as a refusal for the storage', async () => {
  await start({})
  refuseWrites()
  expect((await rig.provision()).status).toBe(503)
  const metrics = await (await rig.request('GET', '/metrics')).text()
  expect(metrics).toMatch(/storage_unavailable"\} 1$/m)
})
