import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { agreementWith } from '../support/consistency.ts'
import { openTestSite, type TestSite } from '../support/fleet.ts'
import {
  crashAt,
  FAIL_POINTS,
  type FailPoint,
  killWhileProvisioning,
  seededRandom,
} from '../support/scenarios.ts'

/** Docker is slow, and a default timeout that a preload sets applies only to the first file of a run (Bun 1.4.5). */
setDefaultTimeout(30_000)

/** So long that no periodic pass can repair what the restart left broken. */
const NO_PERIODIC_PASS = { MONITOR_INTERVAL_S: '600' }

/** Long enough for busy machines. It takes some milliseconds if dockerd has nothing left to do for the dead process. */
const SETTLED_MAX_MS = 5_000

let site: TestSite

beforeAll(async () => {
  site = await openTestSite()
}, 120_000)

afterEach(() => site.cleanUp())
afterAll(() => site?.cleanUp())

const POINTS = Object.keys(FAIL_POINTS).filter((name): name is FailPoint => name in FAIL_POINTS)

test.each(POINTS)('loses and doubles no engine by a crash %s', async (point) => {
  const server = site.server(NO_PERIODIC_PASS)
  for (const _ of [1, 2])
    expect(await crashAt(server, agreementWith(site.docker), point)).toBeLessThan(SETTLED_MAX_MS)
})

test('keeps what it told its clients when it is killed at any moment', async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  console.log(`kills: SEED=${seed}`)
  const random = seededRandom(seed)
  const server = site.server({ ...NO_PERIODIC_PASS, MAX_REPLICAS: '40' })
  await server.start()
  let answers = 0
  for (const fromMs of [100, 700, 1_300]) {
    const afterMs = fromMs + random() * 600
    answers += (
      await killWhileProvisioning(server, agreementWith(site.docker), { clients: 5, afterMs, random })
    ).answers
  }
  expect(answers).toBeGreaterThan(0)
}, 60_000)
