import { describe, expect, test } from 'bun:test'
import type { LogHandlers, LogPart, Runtime } from '../../src/runtime/runtime.ts'
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
    test('give both outputs', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      // The order of the two outputs is not defined.
      expect((await linesOf(id, 2)).toSorted()).toEqual(['err', 'out'])
    })

    test('give the outputs of all starts of what its restart policy brings back', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.say }))
      const lines = await linesOf(id, 4)
      expect(lines.slice(0, 2).toSorted()).toEqual(['err', 'out'])
      expect(lines.slice(2, 4).toSorted()).toEqual(['err', 'out'])
    })

    bench.testOf('ends', 'give both outputs of all starts, of what runs or has stopped', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      await linesOf(id, 2)
      await bench.runtime.stop(id, 5)
      expect((await linesOf(id, 2)).toSorted()).toEqual(['err', 'out'])
      await bench.runtime.start(id)
      expect((await linesOf(id, 4)).toSorted()).toEqual(['err', 'err', 'out', 'out'])
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

    test('have the time of each line if it is asked for, and only lines since a time', async () => {
      const before = Date.now()
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      await linesOf(id, 2)
      const timed = await bench.runtime.logs(id, { ...PLENTY, isTimed: true })
      for (const line of timed.split('\n').slice(0, -1)) expect(line).toMatch(TIMED)
      expect(Date.parse(timed.split(' ')[0] ?? '')).toBeWithin(before - 1_000, Date.now() + 1_000)
      expect(await bench.runtime.logs(id, { ...PLENTY, sinceMs: before - 60_000 })).toHaveLength(8)
      expect(await bench.runtime.logs(id, { ...PLENTY, sinceMs: before + 600_000 })).toBe('')
    })

    test('have the output of each line after its time if it is asked for', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      await linesOf(id, 2)
      const named = await bench.runtime.logs(id, { ...PLENTY, isTimed: true, isNamed: true })
      const heads = named.split('\n').slice(0, -1)
      expect(heads.map((line) => line.slice(line.indexOf(' ') + 1)).toSorted()).toEqual([
        'stderr err',
        'stdout out',
      ])
      const followed = await followLog(bench.runtime, id, { lines: 10, isNamed: true })
      await until('both lines are told', () => followed.lines.length === 2)
      followed.stop()
      await followed.ended
      expect(followed.lines.toSorted()).toEqual(heads.toSorted())
    })

    test('show no value of a variable of the container whose name says that it is secret', async () => {
      // A secret has four characters or more, and what is written are only three and a newline.
      const env = { MY_TOKEN: 'out\n', COLOUR: 'err\n' }
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce, env }))
      await until('both lines are written', async () => {
        const log = await bench.runtime.logs(id, PLENTY)
        return log.includes('err\n') && log.includes('***') && !log.includes('out')
      })
    })

    test('fail with not_found when there is no such container', async () => {
      for (const reference of ['roundhouse-test-none', '', '../images'])
        await failureOf('not_found', bench.runtime.logs(reference, PLENTY))
    })
  })

  describe('a log that is followed', () => {
    test('tells what was written before, and what is written later, until the container ends', async () => {
      const id = await bench.runtime.create(bench.spec({ command: PROGRAMS.announce }))
      await bench.runtime.start(id)
      await linesOf(id, 2)
      const followed = await followLog(bench.runtime, id)
      await until('both lines are told', () => followed.lines.length === 2)
      for (const line of followed.lines) expect(line).toMatch(TIMED)
      await bench.runtime.stop(id, 5)
      await followed.ended
      expect(followed.texts().toSorted()).toEqual(['err', 'out'])
    })

    test('tells the last lines only where so many are asked for, and none from before a time', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      const [, last] = await linesOf(id, 2)
      const short = await followLog(bench.runtime, id, { lines: 1 })
      await until('the last line is told', () => short.lines.length > 0)
      const late = await followLog(bench.runtime, id, { lines: 10, sinceMs: Date.now() + 600_000 })
      await bench.runtime.stop(id, 5)
      await Promise.all([short.ended, late.ended])
      expect([short.texts(), late.texts()]).toEqual([[last ?? ''], []])
    })

    test('ends at once with the signal, also while its receiver waits', async () => {
      const id = await bench.started(bench.spec({ command: PROGRAMS.announce }))
      await linesOf(id, 2)
      const quiet = await followLog(bench.runtime, id)
      await until('both lines are told', () => quiet.lines.length === 2)
      quiet.stop()
      await quiet.ended
      const slow = await followLog(bench.runtime, id, { lines: 10 }, (stop) => once(stop))
      await until('the receiver has lines', () => slow.lines.length > 0)
      slow.stop()
      await slow.ended
    })

    test('is empty and ends for what does not run', async () => {
      const { lines, ended } = await followLog(bench.runtime, await bench.runtime.create(bench.spec()))
      await ended
      expect(lines).toEqual([])
    })

    test('fails with not_found when there is no such container, and opens nothing', async () => {
      for (const reference of ['roundhouse-test-none', '', '../images'])
        await failureOf('not_found', followLog(bench.runtime, reference))
    })
  })
}

/** A line with its time in front of it. */
const TIMED = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (out|err)$/

const once = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

/** Follows a log and collects its lines; `received` holds the receiver up. Rejects if the log cannot be opened. */
async function followLog(
  runtime: Runtime,
  id: string,
  part: LogPart = { lines: 10 },
  received: (stop: AbortSignal) => Promise<void> = () => Promise.resolve(),
) {
  const lines: string[] = []
  const stop = new AbortController()
  const opened = Promise.withResolvers<void>()
  const handlers: LogHandlers = {
    onOpen: () => opened.resolve(),
    onLines: (more) => {
      lines.push(...more)
      return received(stop.signal)
    },
  }
  const ended = runtime.followLog(id, part, handlers, stop.signal)
  await Promise.race([opened.promise, ended])
  const texts = () => lines.map((line) => line.slice(line.indexOf(' ') + 1))
  return { lines, texts, ended, stop: () => stop.abort() }
}
