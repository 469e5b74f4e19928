import { useSignalEffect } from '@preact/signals'
import { useContext, useEffect, useState } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'
import { LogWatch } from '../state/log-watch.ts'
import { PanelContext } from '../state/panel.ts'

/** The log of a container, read at once, for as long as the component is there and the page is seen. */
export function useLog(container: string): LogWatch {
  const { api, key, now, link } = useContext(PanelContext)
  const acts = useContext(ActsContext)
  const [watch] = useState(
    () =>
      new LogWatch(container, {
        ...{ api, key },
        now: () => now.peek(),
        after: (ms, callback) => acts.after(ms, callback),
      }),
  )
  useEffect(() => {
    const see = (): void => (document.visibilityState === 'visible' ? watch.show() : watch.hide())
    document.addEventListener('visibilitychange', see)
    watch.read()
    return () => {
      document.removeEventListener('visibilitychange', see)
      watch.stop()
    }
  }, [watch])
  // A key that was given anywhere on the page is the one that was missing.
  useSignalEffect(() => {
    if (key.value !== null && watch.state.peek().step === 'key') watch.retry()
  })
  // When the page is live again, there is no reason to wait any longer.
  useSignalEffect(() => {
    if (link.value.state === 'live' && watch.state.peek().step === 'lost') watch.retry()
  })
  return watch
}
