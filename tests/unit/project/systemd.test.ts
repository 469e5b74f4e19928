import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../../src/config/config.ts'
import { read } from '../../support/documents.ts'

/* The unit for systemd. */

const PROGRAM = '/usr/local/bin/roundhouse'
const unit = await read('deploy/systemd/roundhouse.service')

test('it sets only settings, and good ones', () => {
  const given = [...unit.matchAll(/^Environment=([A-Z_]+)=(.*)$/gm)].map(([, name = '', value]) => [
    name,
    value,
  ])
  expect(given.length).toBeGreaterThan(0)
  const loaded = loadConfig(Object.fromEntries(given), [], new Map())
  expect(loaded).toMatchObject({
    warnings: [],
    config: { DB_URL: { path: '/var/lib/roundhouse/orchestrator.db' } },
  })
})

// systemd is not on every machine, and no package brings its checker alone.
test.skipIf(Bun.which('systemd-analyze') === null)('systemd finds nothing wrong with it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-systemd-'))
  const file = join(folder, 'roundhouse.service')
  // The checker also looks whether the program is there.
  const lines = unit.split('\n')
  const start = lines.indexOf(`ExecStart=${PROGRAM}`)
  lines[start] = `ExecStart=${process.execPath}`
  writeFileSync(file, lines.join('\n'))
  const { stderr, exitCode } = Bun.spawnSync(['systemd-analyze', 'verify', file], { stderr: 'pipe' })
  rmSync(folder, { recursive: true })
  expect([start > 0, exitCode, stderr.toString()]).toEqual([true, 0, ''])
})
