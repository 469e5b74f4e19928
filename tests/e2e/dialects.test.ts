import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { parsePackets } from '../emulators/engine/testing/packets.ts'
import { AcexyClient } from '../support/acexy-client.ts'
import { buildDialectImages, type DialectImages, type FamilyName } from '../support/dialect-images.ts'
import type { RunningGluetun } from '../support/gluetun.ts'
import { freePortRange, rangeSetting } from '../support/ports.ts'
import { TestServer } from '../support/server.ts'
import { openVpnSite, untilNode, type VpnSite } from '../support/vpn-site.ts'

/*
 * Engines of every family of images, each of which reads only what its real image reads: a viewer's stream through acexy,
 * with a network of the engine's own and behind a VPN. Each viewer comes to an orchestrator of their own, and none waits for
 * another, since acexy waits for five seconds after a provision.
 */

setDefaultTimeout(60_000)

const FAMILIES: readonly FamilyName[] = [
  'http-proxy',
  'martinbjeldbak',
  'jopsis-x64',
  'aceserve',
  'nano-ace',
  'start-engine',
  'ubuntu-home',
  'ubuntu-home-checked',
  'engine-arguments',
]

const PLACES = ['without a VPN', 'behind a VPN'] as const
type Place = (typeof PLACES)[number]

const CONTENT = { by: 'id', key: 'd'.repeat(40) } as const
const WATCHED_BYTES = 188 * 100

/** What a viewer got. */
interface Viewed {
  readonly packets: number
  readonly afterS: number
  readonly isProvisioned: boolean
  readonly troubles: readonly string[]
}

let vpn: VpnSite
let images: DialectImages<FamilyName>
const views = new Map<string, Promise<Viewed>>()
const keyOf = (name: FamilyName, place: Place): string => `${name} ${place}`

function viewOf(name: FamilyName, place: Place): Promise<Viewed> {
  const view = views.get(keyOf(name, place))
  if (view === undefined) throw new Error(`nobody watched ${keyOf(name, place)}`)
  return view
}

beforeAll(async () => {
  vpn = await openVpnSite()
  const gluetun = await vpn.gluetun({ env: { VPN_PORT_FORWARDING: 'off' } })
  images = await buildDialectImages(vpn.site.docker, FAMILIES)
  await Promise.all([
    letComeIn('without a VPN', () => ({ PORT_RANGE_HOST: rangeSetting(freePortRange(4)) })),
    letComeIn('behind a VPN', (index) => sharedEnv(gluetun, index)),
  ])
}, 150_000)

afterAll(async () => {
  await vpn?.cleanUp()
  await images?.remove()
}, 60_000)

/** Lets each viewer come when the one before has an engine: the machine then has little more to do than wait. */
async function letComeIn(
  place: Place,
  env: (index: number) => Readonly<Record<string, string>>,
): Promise<void> {
  for (const [index, name] of FAMILIES.entries()) {
    const provisioned = Promise.withResolvers<void>()
    const view = viewed(name, place, env(index), provisioned.resolve)
    views.set(keyOf(name, place), view)
    // The test of this view reports a failure.
    await Promise.race([provisioned.promise, view.catch(() => undefined)])
  }
}

/** All engines share the network of one Gluetun, so each orchestrator gets a part of every range. */
function sharedEnv({ options }: RunningGluetun, index: number): Readonly<Record<string, string>> {
  if (!options.publish) throw new Error(`${options.name} publishes nothing`)
  const part = (first: number, size: number): string =>
    rangeSetting({ first: first + index * size, last: first + (index + 1) * size - 1 })
  return {
    GLUETUN_CONTAINER_NAME: options.name,
    GLUETUN_PORT_RANGE: part(options.publish.first, 2),
    ACE_HTTPS_RANGE: part(45_000, 10),
    ACE_API_RANGE: part(62_100, 10),
    ACE_P2P_RANGE: part(8_700, 10),
    VPN_STABLE_S: '0.1',
    GLUETUN_HEALTH_CHECK_INTERVAL_S: '1',
    ENGINE_ADVERTISE: 'host',
  }
}

/**
 * Lets a viewer come to an orchestrator without engines, and reads the first bytes of the stream. Calls `onProvisioned` when
 * acexy has got an engine and waits for it.
 */
async function viewed(
  name: FamilyName,
  place: Place,
  settings: Readonly<Record<string, string>>,
  onProvisioned: () => void,
): Promise<Viewed> {
  const { docker } = vpn.site
  // The others' engines carry the same label.
  const env = { MIN_REPLICAS: '0', TAKE_OVER: 'never', ENGINE_RECIPE: 'auto', ...settings }
  const server = new TestServer({ docker, image: images.reference(name), env })
  const send = async (request: Request): Promise<Response> => {
    const response = await fetch(request)
    if (request.url.endsWith('/provision/acestream')) onProvisioned()
    return response
  }
  const acexy = new AcexyClient({ url: server.url, send })
  try {
    await server.start()
    if (place === 'behind a VPN') await untilNode(server, 'up')
    await acexy.start()
    return await watched(acexy)
  } catch (cause) {
    throw new Error(`${keyOf(name, place)}: ${cause}\n${server.output}`, { cause })
  } finally {
    acexy.stop()
    await server.dispose()
  }
}

async function watched(acexy: AcexyClient): Promise<Viewed> {
  const startedMs = performance.now()
  const viewing = await acexy.watch(CONTENT)
  const first = await viewing.read(1)
  const afterS = (performance.now() - startedMs) / 1_000
  const rest = await viewing.read(WATCHED_BYTES - 1)
  await viewing.leave()
  return {
    packets: parsePackets(Buffer.concat([first, rest])).length,
    afterS,
    isProvisioned: viewing.viewed.route.provisioned !== null,
    troubles: acexy.troubles,
  }
}

describe.each(PLACES)('%s', (place) => {
  test.each(FAMILIES)('%s: a viewer gets an engine and its stream', async (name) => {
    const { packets, afterS, isProvisioned, troubles } = await viewOf(name, place)
    console.log(`${name} ${place}: first byte ${afterS.toFixed(2)} s after the viewer came`)
    expect(troubles).toEqual([])
    expect({ packets, isProvisioned }).toEqual({ packets: 100, isProvisioned: true })
  })
})
