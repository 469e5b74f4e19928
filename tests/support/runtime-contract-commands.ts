import { describe, expect, test } from 'bun:test'
import { DEFAULT_DEADLINES_MS } from '../../src/runtime/docker.ts'
import { RuntimeFailure } from '../../src/runtime/runtime.ts'
import { until } from './docker.ts'
import { type Bench, failureOf, type SingleHostSubject } from './runtime-contract.ts'
import { EXIT_CODE, PROGRAMS, SAID } from './tiny-image.ts'

/** The contract of commands in a container, on one host. */
export function contractOfCommands(bench: Bench<SingleHostSubject>): void {
  describe('exec', () => {
    test('gives the exit code and what was written to both outputs, and leaves the container as it is', async () => {
      const id = await bench.started(bench.spec())
      const before = await bench.runtime.inspect(id)
      const said = await bench.runtime.commands.exec(id, PROGRAMS.say)
      expect(said.exitCode).toBe(0)
      // The order of the two outputs is not defined.
      expect([SAID.output + SAID.errors, SAID.errors + SAID.output]).toContain(said.output)
      expect(await bench.runtime.commands.exec(id, PROGRAMS.exit)).toEqual({
        exitCode: EXIT_CODE,
        output: '',
      })
      expect(await bench.runtime.inspect(id)).toEqual(before)
    })

    test.each([
      ['by its path', '/no-such-command'],
      ['by its name', 'no-such-command'],
      ['a folder', '/proc'],
    ])('of what is no command, %s, ends with a code of its own and words', async (_, command) => {
      const id = await bench.started(bench.spec())
      const { exitCode, output } = await bench.runtime.commands.exec(id, [command, 'argument'])
      expect([126, 127]).toContain(exitCode)
      expect(output).toContain(command)
    })

    test('ends with the container, as killed', async () => {
      const id = await bench.started(bench.spec())
      const running = bench.runtime.commands.exec(id, PROGRAMS.wait)
      await until('the command runs', () => bench.subject.isBusy(id))
      await bench.runtime.stop(id, 5)
      expect(await running).toEqual({ exitCode: 137, output: '' })
    })

    test('is refused in what does not run, or waits for its next start', async () => {
      const created = await bench.runtime.create(bench.spec())
      await failureOf('refused', bench.runtime.commands.exec(created, PROGRAMS.say))
      const stopped = await bench.started(bench.spec())
      await bench.runtime.stop(stopped, 5)
      await failureOf('refused', bench.runtime.commands.exec(stopped, PROGRAMS.say))
      const restarting = await bench.started(bench.spec({ command: PROGRAMS.exit }))
      // The container may start between the look and the command, so this is tried again. The waits between its starts get
      // longer.
      const failure = await until('it waits for its next start', async () => {
        if ((await bench.runtime.inspect(restarting)).state !== 'restarting') return false
        const outcome = await bench.runtime.commands
          .exec(restarting, PROGRAMS.say)
          .catch((error: unknown) => error)
        return outcome instanceof RuntimeFailure && outcome
      })
      expect(failure.code).toBe('refused')
    })

    test('fails with not_found when there is no such container', async () => {
      for (const reference of ['roundhouse-test-none', '', '../images'])
        await failureOf('not_found', bench.runtime.commands.exec(reference, PROGRAMS.say))
    })

    test('that is given up, or lasts too long, is unreachable, its effect not known', async () => {
      const id = await bench.started(bench.spec())
      const abort = new AbortController()
      const running = failureOf('unreachable', bench.runtime.commands.exec(id, PROGRAMS.wait, abort.signal))
      await until('the command runs', () => bench.subject.isBusy(id))
      abort.abort()
      expect((await running).effect).toBe('unknown')
      const hasty = bench.subject.withDeadlines({ ...DEFAULT_DEADLINES_MS, exec: 300 })
      const failure = await failureOf('unreachable', hasty.commands.exec(id, PROGRAMS.wait))
      expect(failure.effect).toBe('unknown')
      expect((await bench.runtime.inspect(id)).state).toBe('running')
    })
  })
}
