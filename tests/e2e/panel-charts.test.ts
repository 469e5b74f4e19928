import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import type { Sample, Stream } from '../../src/panel/api/types.ts'
import {
  hasNoSidewaysScroll,
  type OpenedPage,
  openPage,
  picture,
  startChromium,
  untilTrue,
} from '../support/panel-browser.ts'
import { anEngine, anEntry, aStatus, aStream, aVpn } from '../support/panel-builders.ts'
import { PanelServer } from '../support/panel-server.ts'

/* The charts of a stream and of an engine in a real Chromium, with a history that a test makes up. */

setDefaultTimeout(60_000)

const BEGUN_S = 1_500
const STILL_S = { from: 900, to: 975 } as const

let browser: Browser
let server: PanelServer
const beginMs = Date.now() - BEGUN_S * 1_000
const timeAt = (second: number): string => new Date(beginMs + second * 1_000).toISOString()

/** The figures of a stream that starts for 8 s, and stands still for 75 s. */
function figuresAt(second: number): Omit<Sample, 'ts' | 'status'> {
  const isStarting = second < 8
  const isStill = second > STILL_S.from && second < STILL_S.to
  const live = 1_000_000 + second
  return {
    peers: isStill ? 3 : 20 + (second % 5),
    speed_down: isStarting || isStill ? 0 : 1_500 + 100 * (second % 7),
    speed_up: 200,
    downloaded: isStarting ? 0 : isStill ? STILL_S.from : second,
    uploaded: 1,
    livepos: isStarting ? null : { pos: live - 12, live_first: 0, live_last: live, buffer_pieces: 4 },
  }
}

const streamAt = (second: number): Stream =>
  aStream('watched', { started_at: timeAt(0), stats_at: timeAt(second), ...figuresAt(second) })

beforeAll(async () => {
  // Two minutes are missing, in which the server did not run.
  const seconds = Array.from({ length: 300 }, (_, n) => 2 + 5 * n).filter((s) => s < 500 || s > 620)
  const engine = anEngine('acestream-1', {
    ...{ container_id: 'id-a', streams: ['watched'], vpn_container: 'gluetun', first_seen: timeAt(0) },
  })
  server = new PanelServer(() => ({
    status: aStatus({ timestamp: new Date().toISOString() }),
    vpn: aVpn(),
    engines: [engine],
    streams: [streamAt(seconds.at(-1) ?? 0)],
  }))
  server.answers.set(
    '/streams/watched/stats',
    seconds.map((s) => ({ ts: timeAt(s), status: 'dl', ...figuresAt(s) })),
  )
  const entry = { container_name: null, detail: { node: 'gluetun', reason: 'no tunnel' } }
  server.answers.set('/events', [
    anEntry({ ...entry, id: 3, at: timeAt(955), kind: 'vpn.up' }),
    anEntry({ ...entry, id: 2, at: timeAt(895), kind: 'vpn.down' }),
    anEntry({ id: 1, at: timeAt(0), kind: 'stream.started', stream_id: 'watched' }),
  ])
  browser = await startChromium()
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

async function opened(path: string, options: BrowserContextOptions = {}): Promise<OpenedPage> {
  const opened = await openPage(browser, `${server.url}#/${path}`, undefined, undefined, options)
  await opened.page.locator('.chart canvas').first().waitFor()
  return opened
}

const PLOT = '.plot >> nth=0'
const SCRUB = '.scrub >> nth=0'

/** How often the canvases were cleared, which every drawing does. */
const COUNT_DRAWINGS = `
  window.drawn = 0
  const clear = CanvasRenderingContext2D.prototype.clearRect
  CanvasRenderingContext2D.prototype.clearRect = function (...args) {
    if (this.canvas === document.querySelector('.chart canvas')) window.drawn++
    return clear.apply(this, args)
  }`

describe('the charts of a stream', () => {
  test('break no rule of the page, fit, and tell their summary, at each size and in both themes', async () => {
    for (const [width, height] of [
      [1280, 800],
      [390, 844],
      [320, 600],
    ] as const)
      for (const colorScheme of ['light', 'dark'] as const)
        for (const path of ['stream/watched', 'engine/acestream-1']) {
          const { page, complaints, refused } = await opened(path, {
            viewport: { width, height },
            colorScheme,
          })
          expect(await page.locator(PLOT).getAttribute('aria-label')).toMatch(
            /down: last [\d.]+ MB\/s, lowest 0 B\/s, highest [\d.]+ MB\/s\..* VPN down 1 time, 1 min in all\./,
          )
          expect(await hasNoSidewaysScroll(page)).toBe(true)
          await picture(page, `${path.split('/')[0]}-charts-${width}-${colorScheme}`, true)
          expect([...complaints, ...refused]).toEqual([])
          await page.context().close()
        }
  })

  test('name what happened, and why a stream ended', async () => {
    const { page } = await opened('stream/watched')
    expect(await page.locator(PLOT).getAttribute('aria-label')).toContain(
      'starting 1 time, 12 s in all. stalled 1 time, 1 min in all.',
    )
    expect(await page.locator('.band-key span').allTextContents()).toEqual([
      'starting',
      'stalled',
      'VPN down',
    ])
    await page.locator('.entries li', { hasText: 'stream.started' }).waitFor()
    const ended = { status: 'ended', ended_at: new Date().toISOString(), end_reason: 'eof' } as const
    server.send([{ event: 'stream', data: { ...streamAt(BEGUN_S), ...ended } }])
    await page.getByText('ended: the engine sent no more (eof)').waitFor()
    expect(await page.locator('.chart canvas').count()).toBe(3)
    await page.context().close()
  })

  test('have a cursor for the keyboard, at the same time in all of them', async () => {
    const { page } = await opened('stream/watched')
    const spoken = () => page.locator(SCRUB).getAttribute('aria-valuetext')
    await page.locator(SCRUB).focus()
    const last = await spoken()
    await page.keyboard.press('Home')
    expect(await spoken()).toMatch(/^\d\d:\d\d:\d\d: down 0 B\/s, up 205 kB\/s$/)
    const texts = await page.locator('.chart figcaption time').allTextContents()
    expect(texts).toHaveLength(3)
    expect(new Set(texts).size).toBe(1)
    const behind = await page.locator('.scrub >> nth=2').getAttribute('aria-valuetext')
    expect(behind).toEndWith(': behind not known')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    expect(await spoken()).toMatch(/down \d\.\d MB\/s/)
    await page.keyboard.press('End')
    expect(await spoken()).toBe(last)
    await page.locator(SCRUB).blur()
    expect(await page.locator('.chart figcaption time').count()).toBe(0)
    await page.context().close()
  })

  test('go on with what the feed brings, and are drawn at most once a second', async () => {
    const { page } = await opened('stream/watched')
    const spoken = () => page.locator('.scrub >> nth=1').getAttribute('aria-valuetext')
    await page.evaluate(COUNT_DRAWINGS)
    const beginMs = performance.now()
    for (let n = 0; n < 20; n++) {
      server.send([{ event: 'stream', data: { ...streamAt(BEGUN_S + n / 10), peers: 100 + n } }])
      await Bun.sleep(100)
    }
    await untilTrue(page, `document.querySelectorAll('.scrub')[1].ariaValueText.endsWith('peers 119')`)
    const drawn = await page.evaluate<number>('window.drawn')
    expect(drawn).toBeGreaterThan(0)
    expect(drawn).toBeLessThanOrEqual(Math.ceil((performance.now() - beginMs) / 900) + 1)
    expect(await spoken()).toEndWith('peers 119')
    await page.context().close()
  })

  test('take the width that there is', async () => {
    const { page } = await opened('stream/watched')
    const width = () => page.evaluate<number>(`document.querySelector('.chart canvas').clientWidth`)
    const wide = await width()
    await page.setViewportSize({ width: 390, height: 844 })
    await untilTrue(page, `document.querySelector('.chart canvas').clientWidth < ${wide / 2}`)
    expect(await hasNoSidewaysScroll(page)).toBe(true)
    await page.context().close()
  })

  test('stand still for people who want less motion, while nothing is new', async () => {
    const { page } = await opened('stream/watched', { reducedMotion: 'reduce' })
    await Bun.sleep(1_500)
    await page.evaluate(COUNT_DRAWINGS)
    await Bun.sleep(4_000)
    expect(await page.evaluate<number>('window.drawn')).toBe(0)
    await page.context().close()
  })
})
