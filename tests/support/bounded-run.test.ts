import { expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runBounded } from './bounded-run.ts'
import { until } from './docker.ts'

const folder = mkdtempSync(join(tmpdir(), 'roundhouse-bounded-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const run = (command: readonly string[], withinMs: number | null = null, signal?: AbortSignal) => {
  const limits = { withinMs, patience: { graceMs: 3_000, killedMs: 2_000 }, ...(signal && { signal }) }
  return runBounded(command, { cwd: folder, env: { PATH: process.env.PATH }, ...limits })
}

const isGone = (pid: number): boolean => !existsSync(`/proc/${pid}`)

test('what a process writes and its exit code are returned', async () => {
  const seen: string[] = []
  const command = ['sh', '-c', 'echo out; echo err >&2; exit 3']
  const options = { cwd: folder, env: {}, withinMs: 60_000, onText: (text: string) => void seen.push(text) }
  const { output, exitCode, overdue } = await runBounded(command, options)
  expect([exitCode, overdue]).toEqual([3, null])
  expect(output.split('\n').toSorted()).toEqual(['', 'err', 'out'])
  expect(seen.join('')).toBe(output)
})

test('a process that never lets its timers run is ended at its deadline, with what it started', async () => {
  const endless = `const { pid } = Bun.spawn(['sleep', '1000']); console.log(pid); for (;;);`
  const { output, exitCode, overdue } = await run([process.execPath, '-e', endless], 2_000)
  expect([exitCode, overdue]).toEqual([null, 'This did not end within 2 s, and was ended'])
  expect(output).toContain(`${overdue}:`)
  expect(output).toContain('sleep 1000')
  await until('the grandchild is gone', () => isGone(Number.parseInt(output, 10)))
})

test('what a process leaves behind is told and ended, though it holds the output open', async () => {
  const { output, exitCode } = await run(['sh', '-c', 'sleep 1000 & echo $!'])
  expect(exitCode).toBe(0)
  expect(output).toContain('This was left behind, and was ended:')
  await until('it is gone', () => isGone(Number.parseInt(output, 10)))
})

test('nobody waits for an output that a daemon holds open', async () => {
  const daemonize = 'setsid sh -c "echo \\$\\$ > daemon; exec sleep 1000" &'
  const { exitCode } = await run(['sh', '-c', `${daemonize} until [ -s daemon ]; do sleep 0.01; done`])
  expect(exitCode).toBe(0)
  const daemon = Number(readFileSync(join(folder, 'daemon'), 'utf8'))
  try {
    expect(isGone(daemon)).toBe(false)
  } finally {
    process.kill(daemon, 'SIGKILL')
  }
})

test('what ends on its own soon after the process is not told', async () => {
  expect(await run(['sh', '-c', 'sleep 0.1 & echo done'])).toEqual({
    output: 'done\n',
    exitCode: 0,
    overdue: null,
  })
})

test('what is told to end may clean up first', async () => {
  const ending = new AbortController()
  const script = `trap 'echo cleaned > end; exit 4' TERM; echo > begin; while :; do sleep 0.05; done`
  const ended = run(['sh', '-c', script], null, ending.signal)
  await until('it runs', () => existsSync(join(folder, 'begin')))
  ending.abort()
  expect(await ended).toMatchObject({ exitCode: 4, overdue: 'This was not waited for, and was ended' })
  expect(readFileSync(join(folder, 'end'), 'utf8')).toBe('cleaned\n')
})

test('what does not obey is killed', async () => {
  const { exitCode } = await run(['sh', '-c', `trap '' TERM; while :; do sleep 0.05; done`], 300)
  expect(exitCode).toBe(null)
}, 60_000)
