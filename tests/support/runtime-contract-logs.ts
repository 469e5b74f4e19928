import { describe, expect, test } from 'bun:test'
import { until } from './docker.ts'
import { type Bench, failureOf } from './runtime-contract.ts'
import { PROGRAMS } from './tiny-image.ts'

const PLENTY = { lines: 100, bytes: 10_000 }

/** The contract of the logs of containers, for every runtime. */
export function contractOfLogs(bench: Bench): void {
  /** Waits until the container has written this many lines, and returns them. */
  const linesOf = (id: string, count: number) =>
    until(`${count} lines are written`, async () => {
      const lines = (await bench.runtime.logs(id, PLENTY)).split('\n').slice(0, -1)
      return lines.length >= count && lines
    })

  describe('logs', () => {
    test('give both outputs of all starts, of what runs, is paused or has stopped', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      // The order of the two outputs is not defined.
      expect((await linesOf(id, 2)).toSorted()).toEqual(['err', 'out'])
      await bench.runtime.stop(id, 5)
      expect((await linesOf(id, 2)).toSorted()).toEqual(['err', 'out'])
      await bench.runtime.start(id)
      expect((await linesOf(id, 4)).toSorted()).toEqual(['err', 'err', 'out', 'out'])
      await bench.subject.pause(id)
      expect(await linesOf(id, 4)).toHaveLength(4)
    })

    test('give the last lines, and of those the newest that have room', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      const [first, last] = await linesOf(id, 2)
      expect(await bench.runtime.logs(id, { lines: 1, bytes: 100 })).toBe(`${last}\n`)
      expect(await bench.runtime.logs(id, { lines: 2, bytes: 8 })).toBe(`${first}\n${last}\n`)
      expect(await bench.runtime.logs(id, { lines: 2, bytes: 7 })).toBe(`${last}\n`)
      expect(await bench.runtime.logs(id, { lines: 2, bytes: 2 })).toBe(`${last?.at(-1)}\n`)
    })

    test('are empty for what was never started or wrote nothing', async () => {
      expect(await bench.runtime.logs(await bench.runtime.create(bench.spec()), PLENTY)).toBe('')
      expect(await bench.runtime.logs(await bench.started(bench.spec()), PLENTY)).toBe('')
    })

    test('fail with not_found when there is no such container', async () => {
      for (const reference of ['roundhouse-test-none', '', '../images'])
        await failureOf('not_found', bench.runtime.logs(reference, PLENTY))
    })
  })
}
