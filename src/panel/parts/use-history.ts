import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals'
import { useContext, useEffect, useRef } from 'preact/hooks'
import type { JournalEntry, Sample, Stream } from '../api/types.ts'
import { CHART_MS, merged, type Point, pointOf } from '../reading/samples.ts'
import { msOf } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'

/** The figures of streams by their record, and why some of the history is missing; null if nothing is. */
export interface History {
  readonly points: ReadonlySignal<ReadonlyMap<number, readonly Point[]>>
  readonly problem: ReadonlySignal<string | null>
}

type Played = Pick<Stream, 'id' | 'record' | 'ended_at'>

/** What the server has of the last hour of these streams, and everything that the feed brings while they are on screen. */
export function useHistory(streams: readonly Played[]): History {
  const { api, fleet, now } = useContext(PanelContext)
  const points = useSignal<ReadonlyMap<number, readonly Point[]>>(new Map())
  const problem = useSignal<string | null>(null)
  const loadedMs = useRef(new Map<number, number>())
  const records = streams.map(({ record }) => record).join()
  const add = (record: number, news: readonly Point[]): void => {
    const known = points.peek().get(record) ?? []
    const all = merged(known, news)
    if (all !== known) points.value = new Map([...points.peek(), [record, all]])
  }
  useEffect(() => {
    const stops = streams.map(({ record }) => {
      const { figures, stop } = fleet.samples.follow(record)
      const end = figures.subscribe((told) => add(record, told.map(pointOf)))
      return () => {
        end()
        stop()
      }
    })
    return () => {
      for (const stop of stops) stop()
    }
  }, [records])
  useEffect(() => {
    const leaving = new AbortController()
    const load = async ({ id, record, ended_at }: Played): Promise<void> => {
      // Later on only what came since the last time is asked for.
      const sinceMs = loadedMs.current.get(record) ?? (msOf(ended_at) ?? now.peek()) - CHART_MS
      const path = `streams/${encodeURIComponent(id)}/stats?since=${new Date(sinceMs).toISOString()}`
      const told = (await api.get<readonly Sample[]>(path, leaving.signal)).map(pointOf)
      add(record, told)
      loadedMs.current.set(record, told.at(-1)?.atMs ?? sinceMs)
    }
    Promise.all(streams.map(load)).then(
      () => {
        problem.value = null
      },
      (error: unknown) => {
        if (!leaving.signal.aborted) problem.value = error instanceof Error ? error.message : String(error)
      },
    )
    return () => leaving.abort()
  }, [records, fleet.joins.value])
  return { points, problem }
}

/**
 * The entries of the journal that `query` names and `isMeant` accepts, newest first: what the server has, and what the feed
 * brings.
 */
export function useEntries(
  query: string,
  isMeant: (entry: JournalEntry) => boolean,
): ReadonlySignal<readonly JournalEntry[]> {
  const { api, fleet } = useContext(PanelContext)
  const loaded = useSignal<readonly JournalEntry[]>([])
  useEffect(() => {
    const leaving = new AbortController()
    api.get<{ readonly events: readonly JournalEntry[] }>(`events?${query}`, leaving.signal).then(
      ({ events }) => {
        loaded.value = events
      },
      // The entries that the page knows anyway are shown.
      () => undefined,
    )
    return () => leaving.abort()
  }, [query, fleet.joins.value])
  return useComputed(() => {
    const byId = new Map(
      [...loaded.value, ...fleet.journal.value.filter(isMeant)].map((each) => [each.id, each]),
    )
    return [...byId.values()].toSorted((a, b) => b.id - a.id)
  })
}
