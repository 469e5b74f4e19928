import { type ReadonlySignal, useComputed } from '@preact/signals'
import { useRef } from 'preact/hooks'

/** As `useComputed`, but a value that says the same as the one before is no change: so nothing is drawn anew for it. */
export function useSame<Value>(compute: () => Value): ReadonlySignal<Value> {
  const last = useRef<{ readonly text: string; readonly value: Value } | null>(null)
  return useComputed(() => {
    const value = compute()
    const text = JSON.stringify(value)
    if (last.current?.text !== text) last.current = { text, value }
    return last.current.value
  })
}
