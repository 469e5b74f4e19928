import { computed, effect, type ReadonlySignal, signal } from '@preact/signals'
import type { Preferences } from '../state/preferences.ts'

/**
 * Keeps the page light or dark, as its user or the system wants it, and tells whether it is dark. The style sheet does it by
 * an attribute; only the bar of a phone's browser has to be told the colour.
 */
export function followTheme(preferences: Preferences): ReadonlySignal<boolean> {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const isSystemDark = signal(system.matches)
  system.addEventListener('change', ({ matches }) => {
    isSystemDark.value = matches
  })
  effect(() => {
    const { theme } = preferences
    const { dataset } = document.documentElement
    if (theme === 'system') delete dataset.theme
    else dataset.theme = theme
    // A change of the system's alone changes the colour as well.
    isSystemDark.value
    const colour = getComputedStyle(document.body).backgroundColor
    for (const bar of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]'))
      bar.content = colour
  })
  return computed(() => (preferences.theme === 'system' ? isSystemDark.value : preferences.theme === 'dark'))
}
