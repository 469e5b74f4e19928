import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { createContext } from 'preact'
import type { Api } from '../api/api.ts'
import type { Link } from '../api/feed.ts'
import { FleetState } from './fleet.ts'
import type { KeyStore } from './key.ts'
import type { Preferences } from './preferences.ts'
import { type Route, routeOf } from './route.ts'
import { UseRings } from './use-rings.ts'

/** Everything that the pages share. */
export interface Panel {
  readonly api: Api
  readonly key: KeyStore
  readonly fleet: FleetState
  /** What engines used while their pages were on screen. */
  readonly uses: UseRings
  readonly link: Signal<Link>
  /** The server's time in epoch milliseconds, as far as it is known; it moves once a second. */
  readonly now: Signal<number>
  /** The day of that time, as `toDateString` names it; so what only needs the day does not change every second. */
  readonly today: ReadonlySignal<string>
  readonly route: Signal<Route>
  /** Whether times are shown as they are, and not as how long ago they were. */
  readonly showsTimes: Signal<boolean>
  readonly preferences: Preferences
  /** Whether the page is dark at this moment, by choice or by the system. */
  readonly isDark: ReadonlySignal<boolean>
  readonly isSettingsOpen: Signal<boolean>
  /** Connects anew at once. */
  readonly reconnect: () => void
}

/** The parts that need nothing from outside. */
export const emptyPanel = () => {
  const now = signal(0)
  return {
    fleet: new FleetState(),
    uses: new UseRings(),
    link: signal<Link>({ state: 'connecting' }),
    now,
    today: computed(() => new Date(now.value).toDateString()),
    route: signal(routeOf('')),
    showsTimes: signal(false),
    isSettingsOpen: signal(false),
  }
}

export const PanelContext = createContext<Panel>(undefined as never)
