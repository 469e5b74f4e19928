import { expect, test } from 'bun:test'
import { join } from 'node:path'
import type { DayLook } from './day.ts'
import { SHORT_DAY } from './day-options.ts'

const SCRIPT = join(import.meta.dir, '../../scripts/simulate-day.ts')
const { history } = SHORT_DAY

const LIMITS: Readonly<Record<string, number>> = {
  engines: history.engines.rows,
  streams: history.streams.rows,
  journal: history.journal.rows,
  // Samples that are deleted with their stream leave gaps among the newest ids.
  stream_stats: 0.95 * history.samples,
}

/** Runs in a process of its own, because memory is measured. */
test('in two hours of 50 streams history comes to its bounds and stays within them, and memory is flat', async () => {
  const run = Bun.spawn([process.execPath, SCRIPT, '--short', '--json'], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const outcome: { looks: DayLook[]; problems: string[] } = JSON.parse(await run.stdout.text())
  const { looks, problems } = outcome
  expect(problems).toEqual([])
  expect(await run.exited).toBe(0)
  expect(looks).toHaveLength(24)
  // Viewers come and go by chance: on average half of them watch, and some at any time.
  const watched = looks.slice(12).map(({ started }) => started)
  expect(watched.reduce((sum, started) => sum + started, 0) / watched.length).toBeGreaterThan(25)
  expect(Math.min(...watched)).toBeGreaterThan(5)
  const most = (table: string): number =>
    Math.max(
      ...looks.flatMap(({ tables }) => tables.filter((look) => look.table === table).map(({ rows }) => rows)),
    )
  for (const [table, limit] of Object.entries(LIMITS)) {
    expect(most(table)).toBeGreaterThanOrEqual(limit)
  }
}, 60_000)
