import { describe, expect, test } from 'bun:test'
import { freePort } from '../../../support/ports.ts'
import { healthcheck } from '../healthcheck.ts'
import { readSettings } from '../settings.ts'
import { recordings, type Timeline } from '../testing/recordings.ts'

const NOON = new Date('2026-01-01T12:00:00.123Z')

/** What the real command printed, without the times. */
const outputs = (await recordings<Timeline>('timelines'))
  .flatMap(({ events }) =>
    events.flatMap(({ what = '' }) => /exit 1, output (".*"), \d+ ms$/.exec(what)?.[1] ?? []),
  )
  .map((text): string => JSON.parse(text))

const recordedWith = (text: string): string[] =>
  [...new Set(outputs)].filter((output) => output.includes(text))

describe('the healthcheck command', () => {
  test('says nothing and ends with 0 when it is healthy', async () => {
    await using server = serve(() => new Response(''))
    expect(await healthcheck(server.settings, () => NOON)).toEqual({ exitCode: 0, output: '' })
  })

  test.each(recordedWith('status is not OK'))('says why not, as recorded: %j', async (recorded) => {
    const text = recorded.replace(/^.*Server Error: /, '').replace(/\n\nINFO Shutdown successful$/, '')
    await using server = serve(() => new Response(`${text}\n`, { status: 500 }))
    const { exitCode, output } = await healthcheck(server.settings, () => NOON)
    expect(exitCode).toBe(1)
    expect(withoutTimes(output)).toBe(recorded)
  })

  test('says that nobody listens, as recorded', async () => {
    const port = freePort()
    const { exitCode, output } = await healthcheck(settingsOf(port), () => NOON)
    const [recorded = ''] = recordedWith('connection refused')
    expect(exitCode).toBe(1)
    expect(withoutTimes(output)).toBe(recorded.replaceAll(':9999', `:${port}`))
  })

  test('gives up on a server that does not answer', async () => {
    await using server = serve(() => new Promise<never>(() => {}))
    const { exitCode, output } = await healthcheck(server.settings, () => NOON)
    expect(exitCode).toBe(1)
    expect(output).toContain('context deadline exceeded')
  })

  test('each line begins with the time', async () => {
    const { output } = await healthcheck(settingsOf(freePort()), () => NOON)
    expect(output).toMatch(/^2026-01-01T12:00:00Z ERROR .*\n2026-01-01T12:00:00Z INFO /)
  })
})

const withoutTimes = (output: string): string => output.replace(/^\d{4}-\S+Z /gm, '').trimEnd()

const settingsOf = (port: number) => readSettings({ HEALTH_SERVER_ADDRESS: `127.0.0.1:${port}` })

function serve(answer: () => Response | Promise<Response>) {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer })
  return {
    settings: settingsOf(server.port ?? 0),
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
