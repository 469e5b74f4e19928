import { expect, test } from 'bun:test'
import { join } from 'node:path'

const SCRIPT = join(import.meta.dir, '../../scripts/simulate.ts')

/** Runs in a process of its own: whatever a crashed orchestrator still tries throws errors that nobody catches. */
test('some seeds run without a violation, and each the same way twice', async () => {
  const options = ['--seeds', '6', '--from', '1', '--check-determinism']
  const run = Bun.spawn([process.execPath, SCRIPT, ...options], { stdout: 'pipe', stderr: 'inherit' })
  const text = await run.stdout.text()
  expect(text).toContain('seeds 6, failed 0')
  expect(await run.exited).toBe(0)
}, 120_000)
