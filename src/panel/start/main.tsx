import { signal } from '@preact/signals'
import { render } from 'preact'
import { Acts } from '../acts/acts.ts'
import { ActsContext } from '../acts/context.ts'
import { Api } from '../api/api.ts'
import { Feed } from '../api/feed.ts'
import type { FeedEvent, JournalEntry, Stream } from '../api/types.ts'
import { KeyStore } from '../state/key.ts'
import { emptyPanel, type Panel, PanelContext } from '../state/panel.ts'
import { Preferences } from '../state/preferences.ts'
import { routeOf } from '../state/route.ts'
import { textsOf } from '../state/texts.ts'
import { App } from './app.tsx'
import { listenToKeys } from './keyboard.ts'
import { followTheme } from './theme.ts'

/** How long a page that nobody sees keeps its connection: a browser has only six to a server. */
const HIDDEN_MS = 5_000
const TICK_MS = 1_000
const BEFORE = 500
const EVENTS_PER_FRAME = 60

const key = new KeyStore(textsOf(() => sessionStorage))
const api = new Api({
  // This file is `panel/assets/…`, wherever a reverse proxy has put us.
  root: new URL('../../', import.meta.url),
  fetch: (url, init) => fetch(url, init),
  key: () => key.value,
})
const empty = emptyPanel()
/** The server's time less this machine's. */
const skewMs = signal(0)

let waiting: FeedEvent[] = []
let isBegun = false

const now = (): number => Date.now() + skewMs.peek()
const after = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}

const feed = new Feed({
  api,
  now,
  after,
  onEvents: (events) => {
    if (waiting.length === 0) requestAnimationFrame(flush)
    waiting = [...waiting, ...events]
  },
  onLink: (link) => {
    empty.link.value = link
  },
})

/** Draws once for the events of a frame. Of a burst each frame takes a part, so that the page answers its user meanwhile. */
function flush(): void {
  const events = waiting.slice(0, EVENTS_PER_FRAME)
  waiting = waiting.slice(EVENTS_PER_FRAME)
  if (waiting.length > 0) requestAnimationFrame(flush)
  for (const { event, data } of events) if (event === 'status') setTime(data.timestamp)
  for (const { event, data } of events) if (event === 'snapshot') setTime(data.status.timestamp)
  empty.fleet.apply(events)
  if (!isBegun) {
    isBegun = true
    void begin()
  }
}

function setTime(timestamp: string): void {
  skewMs.value = Date.parse(timestamp) - Date.now()
  empty.now.value = Date.now() + skewMs.value
}

/** Fetches what happened before the page was opened. Without it the page shows what happens from now on. */
async function begin(): Promise<void> {
  try {
    const [page, ended] = await Promise.all([
      api.get<{ readonly events: readonly JournalEntry[] }>(`events?limit=${BEFORE}`),
      api.get<readonly Stream[]>('streams?status=ended&limit=200'),
    ])
    empty.fleet.begin(page.events, ended)
  } catch {
    isBegun = false
  }
}

const acts = new Acts({ api, key, now, after, fill: (bytes) => crypto.getRandomValues(bytes) })
const preferences = new Preferences(textsOf(() => localStorage))
const isDark = followTheme(preferences)
const panel: Panel = { ...empty, api, key, preferences, isDark, reconnect: () => feed.start() }

empty.route.value = routeOf(location.hash)
addEventListener('hashchange', () => {
  empty.route.value = routeOf(location.hash)
})
addEventListener('online', () => feed.start())
listenToKeys(panel)
setInterval(() => {
  empty.now.value = now()
}, TICK_MS)

let cancelPause: () => void = () => undefined
const pauseSoon = (): void => {
  cancelPause = after(HIDDEN_MS, () => feed.pause())
}
document.addEventListener('visibilitychange', () => {
  cancelPause()
  if (document.visibilityState === 'hidden') pauseSoon()
  else if (empty.link.peek().state !== 'live') feed.start()
})

empty.now.value = Date.now()
feed.start()
// A tab that was opened in the background is told nothing when it becomes hidden: it is so from the beginning.
if (document.visibilityState === 'hidden') pauseSoon()
const root = document.querySelector('#panel')
if (root !== null)
  render(
    <PanelContext.Provider value={panel}>
      <ActsContext.Provider value={acts}>
        <App />
      </ActsContext.Provider>
    </PanelContext.Provider>,
    root,
  )
