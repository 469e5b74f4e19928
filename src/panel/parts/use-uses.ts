import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals'
import { useContext } from 'preact/hooks'
import type { EngineUse } from '../api/types.ts'
import { freshUse, type Use } from '../reading/usage.ts'
import { PanelContext } from '../state/panel.ts'
import { usePoll } from './use-poll.ts'

const NONE: readonly EngineUse[] = []

/** What all engines use, by their containers; without figures that are too old to say anything about now. */
export function useUses(): ReadonlySignal<ReadonlyMap<string, Use>> {
  const { api, now } = useContext(PanelContext)
  const told = useSignal(NONE)
  usePoll(
    'engines',
    (signal) => api.get<readonly EngineUse[]>('engines/stats', signal),
    (uses) => {
      told.value = uses
    },
  )
  return useComputed(() => freshUse(told.value, now.value))
}
