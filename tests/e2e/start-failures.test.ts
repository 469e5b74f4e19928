import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { holdHostPort } from '../support/docker.ts'
import { freePort } from '../support/ports.ts'

/* A start that is not possible ends with exit code 2 and one message for people: the setting, the reason, and the remedy. */

const closers: (() => void)[] = []

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** Runs the program to its end, with these settings and no other part of the environment. */
async function runToEnd(env: Readonly<Record<string, string>>) {
  const child = Bun.spawn(['bun', join(import.meta.dir, '../../src/main.ts')], {
    env: { PATH: process.env.PATH ?? '', BIND: '127.0.0.1', APP_PORT: String(freePort()), ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  closers.push(() => child.kill('SIGKILL'))
  const [code, errors] = await Promise.all([child.exited, child.stderr.text()])
  return { code, errors }
}

function expectOneMessage(errors: string, setting: string): void {
  expect(errors).toStartWith("roundhouse can't start\n")
  expect(errors).toContain(setting)
  expect(errors).toContain('Remedy: ')
  // No stack trace.
  expect(errors).not.toMatch(/\n\s+at /)
}

test('a database that cannot be opened ends the start', async () => {
  // A folder below a file cannot exist, not even for root.
  const path = join(import.meta.path, 'orchestrator.db')
  const { code, errors } = await runToEnd({ DB_URL: `sqlite:///${path}` })
  expect(code).toBe(2)
  expectOneMessage(errors, `DB_URL=${path}`)
})

test('a port that is taken ends the start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
  closers.push(() => rmSync(folder, { recursive: true }))
  const port = freePort()
  closers.push(holdHostPort(port).release)
  const DB_URL = `sqlite:///${join(folder, 'orchestrator.db')}`
  const { code, errors } = await runToEnd({ APP_PORT: String(port), DB_URL })
  expect(code).toBe(2)
  expectOneMessage(errors, `APP_PORT=127.0.0.1:${port}`)
})

test('an address that others reach ends the start where there is no key', async () => {
  const { code, errors } = await runToEnd({ BIND: '0.0.0.0' })
  expect(code).toBe(2)
  expect(errors).toStartWith('Cannot start: 1 setting is not right.\n  BIND="0.0.0.0"\n      Set API_KEY')
})
