import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { type TestDocker, until } from '../support/docker.ts'
import { mustProvision } from '../support/fleet.ts'
import { idsOf, reportEnded, reportStarted, untilReady } from '../support/lifecycle.ts'
import { OwnDockerd } from '../support/own-dockerd.ts'
import { type OpenedPage, openPage, picture, startChromium } from '../support/panel-browser.ts'
import { freePortRange, rangeSetting } from '../support/ports.ts'
import { TestRegistry } from '../support/registry.ts'
import { TestServer } from '../support/server.ts'
import { openVpnSite, untilForwarding, untilNode, type VpnSite } from '../support/vpn-site.ts'

/* What the page for people says in each of its states, which are brought about for real. */

setDefaultTimeout(60_000)

const PHONE = { width: 390, height: 844 }

/** What the page asks the server, beside its own files. */
const API = /\/(events|orchestrator|vpn|engines|streams|health)(\/|\?|$)/

let vpn: VpnSite
let browser: Browser
let dockerd: OwnDockerd
let own: { readonly docker: TestDocker; readonly image: string }
const closers: (() => unknown)[] = []

beforeAll(async () => {
  vpn = await openVpnSite()
  browser = await startChromium()
  dockerd = await OwnDockerd.open()
  own = await dockerd.docker()
}, 240_000)
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
  await vpn.cleanUp()
})
afterAll(async () => {
  await browser?.close()
  await vpn?.cleanUp()
  await dockerd?.close()
}, 60_000)

async function started(
  env: Readonly<Record<string, string>> = {},
  until200: '/readyz' | '/healthz' = '/readyz',
): Promise<TestServer> {
  const server = vpn.site.server({ MIN_REPLICAS: '0', ...env })
  await server.start({}, until200)
  return server
}

async function open(url: string, viewport?: { width: number; height: number }): Promise<OpenedPage> {
  const opened = await openPage(browser, url, viewport)
  closers.push(() => opened.page.context().close())
  return opened
}

/** acexy asks for the status every 30 s. */
const askAsAcexy = (server: TestServer) =>
  fetch(`${server.url}/orchestrator/status`, { headers: { 'user-agent': 'Go-http-client/1.1' } })

/** A picture of the whole page in both themes. */
async function pictures(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await picture(page, `${name}-${colorScheme}`, true)
  }
  const isTooWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
  expect([name, isTooWide]).toEqual([name, false])
}

/** Resolves when the part says all of this. */
async function says(page: Page, part: string, ...words: readonly (string | RegExp)[]): Promise<void> {
  let found = page.locator(part)
  for (const hasText of words) found = found.filter({ hasText })
  await found
    .first()
    .waitFor({ timeout: 20_000 })
    .catch(async () => {
      throw new Error(
        `${part} does not say ${words.join(' and ')}: ${await page.locator('#panel').textContent()}`,
      )
    })
}

describe('the first run', () => {
  test('is a checklist with what to do about each thing, and goes when an engine and a proxy were seen', async () => {
    const { docker, image } = vpn.site
    const repo = `roundhouse-test/first-run-${docker.label.value}`
    const server = await started({ TARGET_IMAGE: `${repo}:1`, PULL: 'never' })
    const { page, complaints } = await open(`${server.url}/panel`)
    await says(page, '.checklist .docker', 'Answers')
    await says(page, '.checklist .image', 'Missing', `Run: docker pull ${repo}:1`, 'PULL=missing')
    await says(page, '.checklist .vpn', 'Not configured', 'GLUETUN_CONTAINER_NAME')
    await says(page, '.checklist .engine', 'None yet', `curl -X POST ${server.url}/provision/acestream`)
    await says(
      page,
      '.checklist .proxy',
      'Not seen yet',
      `ACEXY_ORCH_URL=${server.url}`,
      'localhost is acexy itself',
    )
    await says(page, '.verdict.bad', 'Not now', `the image ${repo}:1 is not on this Docker host`)
    await pictures(page, 'first-run-1280')

    const client = docker.client
    closers.push(() => client.getImage(`${repo}:1`).remove())
    await client.getImage(image).tag({ repo, tag: '1' })
    await says(page, '.checklist .image', 'There')
    await page.getByRole('button', { name: 'Provision' }).click()
    await says(page, '.checklist .engine', /Runs/)
    expect(await page.locator('.checklist .engine pre').count()).toBe(0)
    await page.setViewportSize(PHONE)
    await pictures(page, 'first-run-390')
    await askAsAcexy(server)
    await page.locator('.checklist').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Checklist' }).click()
    await says(page, '.checklist .proxy', 'Seen', `ACEXY_ORCH_URL=${server.url}`)
    expect(complaints).toEqual([])
  })

  test('shows how far the pull of the image is', async () => {
    const registry = await TestRegistry.open()
    const image = registry.publish(registry.newName(), { tag: '1', way: 'stalls' })
    const server = await started({ TARGET_IMAGE: image, PULL: 'missing' })
    const { page } = await open(`${server.url}/panel`)
    await says(page, '.checklist .image', 'Being pulled', '0 of 1 layer')
    await says(page, '.verdict.busy', 'Not yet', 'is being pulled', 'Wait until the image is here')
    await page.locator('.checklist progress').waitFor()
    await pictures(page, 'pull-1280')
  })
})

test('a page whose program does not come says what to do', async () => {
  const server = await started()
  const { page } = await open('about:blank')
  await page.route('**/*.js', (route) => route.abort('internetdisconnected'))
  await page.goto(`${server.url}/panel`)
  await page.getByText('This page has not loaded completely. Reload it.').waitFor()
  await page.unroute('**/*.js')
  await page.reload()
  await says(page, 'main', 'Provision')
  expect(await page.locator('.unstarted').count()).toBe(0)
})

test('a first answer that does not come is waited for in words, and a feed that is lost is told with the time', async () => {
  const server = await started()
  await mustProvision(server)
  await askAsAcexy(server)
  const { page } = await open('about:blank')
  let isHeld = true
  // Nothing that the page asks for is answered, neither the feed nor what it asks instead.
  await page.route(API, (route) => {
    if (!isHeld) return route.continue()
    closers.push(() => route.abort().catch(() => undefined))
    return undefined
  })
  await page.goto(`${server.url}/panel`)
  await says(page, '.loading', 'Asking the server')
  await page.locator('.outline').waitFor()
  await says(page, '.loading', `Still waiting for the first answer of ${server.url}/events/stream`)
  await pictures(page, 'loading-1280')
  isHeld = false
  await page.getByRole('button', { name: 'Retry' }).click()
  await page.locator('.verdict').waitFor()
  await page.unroute(API)

  // A feed that alone is away is asked around.
  await page.route('**/events/stream', (route) => route.fulfill({ status: 502 }))
  await page.evaluate("dispatchEvent(new Event('online'))")
  await page.locator('main.old').waitFor()
  await says(page, '.banner.warn', 'Not live', 'asked every 5 s instead', /as of \d\d:\d\d:\d\d/)
  await page.locator('main:not(.old)').waitFor()
  await pictures(page, 'polled-1280')
  await server.end()
  await says(page, '.banner.bad', 'Not live', /What is shown is as of \d\d:\d\d:\d\d/)
  await page.locator('main.old').waitFor()
  await pictures(page, 'lost-1280')
})

test('a VPN that is down is told with its cause, what it hides and when it is looked at, and each source with its age', async () => {
  const gluetun = await vpn.gluetun()
  const server = vpn.server([gluetun], { MIN_REPLICAS: '2', GLUETUN_HEALTH_CHECK_INTERVAL_S: '3' })
  await server.start()
  await untilForwarding(server)
  await untilReady(server, 2)
  await askAsAcexy(server)
  const { page, complaints } = await open(`${server.url}/panel`)
  await says(page, '.tile', 'VPN', 'Up', '1 of 1 node')
  await gluetun.faults({ health: 'unhealthy' })
  await untilNode(server, 'down')
  const { name } = gluetun.options
  await says(page, '.verdict.bad', `'${name}' is not healthy`)
  await says(page, '.vpn-trouble.bad', 'The VPN is down')
  await says(
    page,
    '.vpn-trouble',
    '2 engines are hidden from acexy',
    /looked at again in \d s|being looked at/,
  )
  await says(page, '.verdict.bad', 'Not now', `'${name}' is not healthy`, "Look at the VPN container's log")
  const tile = page.locator('button.tile')
  await tile.click()
  expect(await tile.getAttribute('aria-expanded')).toBe('true')
  await says(page, '.sources li', 'Docker', 'unhealthy', 'Disagrees with the others', /\d s ago/)
  await says(page, '.sources li', 'Control server', 'its VPN is running', /\d s ago/)
  await says(page, '.sources li', 'Engines', /\d of 2 say that they are connected/)
  await says(page, '.sources li', 'Port forwarding', 'port 51413')
  await pictures(page, 'vpn-down-1280')
  await page.setViewportSize(PHONE)
  await pictures(page, 'vpn-down-390')

  await gluetun.faults({ health: 'healthy', control_status: 401 })
  await page.locator('.vpn-trouble').waitFor({ state: 'detached' })
  await says(
    page,
    '.sources li',
    'Control server',
    'wants to know who asks',
    'GET /v1/vpn/status',
    'GLUETUN_API_KEY',
  )
  await pictures(page, 'vpn-401-390')
  expect(complaints).toEqual([])
})

test('a full fleet is no alarm, and a Docker that stands still is said, with what is disabled for it', async () => {
  const env = { MIN_REPLICAS: '2', MAX_REPLICAS: '2', PORT_RANGE_HOST: rangeSetting(freePortRange(20)) }
  const server = new TestServer({ ...own, env })
  closers.push(async () => {
    await server.dispose()
    await dockerd.restore()
    await own.docker.cleanUp()
  })
  await server.start()
  const rows = await untilReady(server, 2, 30_000)
  const { page, complaints } = await open(`${server.url}/panel`)
  await says(page, '.verdict.ok', 'Yes', '2 of 2 engines, 2 free')
  await pictures(page, 'full-free-1280')
  for (const row of rows)
    await reportStarted(server, row, row.container_id, `http://127.0.0.1:${row.port}/ace/stat/a/b`)
  await says(page, '.verdict.warn', 'Not now', '2 of 2 engines, all busy', 'Raise MAX_REPLICAS')
  await pictures(page, 'full-busy-1280')
  const [first = ''] = idsOf(rows)
  await reportEnded(server, first)
  await says(page, '.verdict.ok', 'Yes', '2 of 2 engines, 1 free')

  dockerd.freeze()
  await says(page, '.banner.bad', /Docker is silent since \d\d:\d\d:\d\d: nothing is being stopped/)
  await says(page, '.verdict.ok', 'Yes', '1 free')
  const disabled = async (label: string) => {
    const button = page.getByRole('button', { name: label })
    await until(`${label} is disabled`, async () => (await button.getAttribute('aria-disabled')) === 'true')
    await says(page, '.act', label, /Docker is silent since/)
  }
  await disabled('Provision')
  await pictures(page, 'docker-frozen-1280')
  await page.setViewportSize(PHONE)
  await pictures(page, 'docker-frozen-390')
  await page.getByRole('link', { name: 'Plan' }).click()
  await disabled('Full pass')
  await disabled('Scale')
  dockerd.thaw()
  await page.locator('.banner').waitFor({ state: 'detached', timeout: 30_000 })
  expect(complaints).toEqual([])
})

test('an open breaker counts down, names its last faults and can be reset, and then its trial is told', async () => {
  const server = await started({
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1',
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT_S: '6',
    ENGINE_ENV: 'BOOT_MS=nonsense',
  })
  await askAsAcexy(server)
  const { page } = await open(`${server.url}/panel`)
  const provision = page.getByRole('button', { name: 'Provision' })
  await provision.click()
  await says(page, '.verdict.bad', 'Not now', 'too many starts failed in a row', /one trial in \d s/)
  await pictures(page, 'breaker-open-1280')
  await page.getByRole('link', { name: 'Its last faults' }).click()
  await says(page, '.breaker', 'New engines', 'Open', /one trial in \d s/, 'acestream-', 'BOOT_MS')
  await pictures(page, 'plan-breaker-1280')
  await says(page, '.breaker', 'New engines', 'Half-open', 'the next engine that starts is the trial')
  await server.post('/provision/acestream')
  await says(page, '.breaker', 'New engines', 'Half-open', 'one trial running')
  await page.getByRole('button', { name: 'Reset' }).first().click()
  await says(page, '.breaker', 'New engines', 'Closed', 'starts are allowed')
})
