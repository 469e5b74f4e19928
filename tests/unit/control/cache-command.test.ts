import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emptyFolder, foundBytes } from '../../../src/control/housekeeping/cache-command.ts'

let folder: string
let cache: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roundhouse-test-'))
  cache = join(folder, 'a cache; $(rm -r nope) "x"')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Runs the command like a container, with a shell of this host. */
function run(path: string, env: Record<string, string> = { PATH: process.env.PATH ?? '' }) {
  const [shell = '', ...rest] = emptyFolder(path)
  const { exitCode, stdout, stderr } = Bun.spawnSync([Bun.which(shell) ?? '', ...rest], { env })
  return foundBytes({ exitCode, output: `${stdout}${stderr}` })
}

describe('the command', () => {
  test('removes everything in the folder, whatever it is called, and tells how much that was', () => {
    mkdirSync(join(cache, 'deep/er'), { recursive: true })
    writeFileSync(join(cache, 'deep/er/piece'), 'x'.repeat(300_000))
    for (const name of ['.hidden', '..hidden', '...', '-rf', 'with space', 'line\nbreak', '*', '.[!.]*'])
      writeFileSync(join(cache, name), 'x')
    const kept = join(folder, 'kept')
    writeFileSync(kept, 'x')
    symlinkSync(folder, join(cache, 'link'))
    expect(run(cache)).toBeWithin(300_000, 500_000)
    expect(readdirSync(cache)).toEqual([])
    expect(readdirSync(folder)).toContain('kept')
  })

  test('removes thousands of files', () => {
    mkdirSync(cache)
    for (let n = 0; n < 2_001; n++) writeFileSync(join(cache, `piece-${n}`), '')
    expect(run(cache)).toBeNumber()
    expect(readdirSync(cache)).toEqual([])
  })

  test('is content with an empty folder, and with none', () => {
    expect(run(cache)).toBe(0)
    mkdirSync(cache)
    expect(run(cache)).toBeWithin(0, 10_000)
    expect(readdirSync(folder)).toHaveLength(1)
  })

  test('fails in words for what is no folder, and without its tools, before anything is removed', () => {
    writeFileSync(cache, 'x')
    expect(run(cache)).toStartWith('the command ended with 2: ')
    rmSync(cache)
    mkdirSync(cache)
    writeFileSync(join(cache, 'piece'), 'x')
    expect(run(cache, { PATH: folder })).toBe(`the command ended with 1: du tells no size of ${cache}`)
    expect(readdirSync(cache)).toEqual(['piece'])
  })
})

describe('what the command answered', () => {
  test.each([
    ['a size', { exitCode: 0, output: '12\n' }, 12_288],
    ['nothing found', { exitCode: 0, output: '0\n' }, 0],
    [
      'a file that stays',
      { exitCode: 1, output: "12\nrm: cannot remove './a':\r\n  Permission denied\n" },
      "the command ended with 1: rm: cannot remove './a': Permission denied",
    ],
    ['no words', { exitCode: 137, output: '' }, 'the command ended with 137'],
    ['no size', { exitCode: 0, output: 'hello\n' }, 'the command ended with 0: hello'],
    [
      'an image without a shell',
      { exitCode: 126, output: 'exec: "sh": executable file not found in $PATH: unknown\r\n' },
      'the command ended with 126: exec: "sh": executable file not found in $PATH: unknown (its image needs sh, du and rm)',
    ],
  ])('is read: %s', (_, result, found) => {
    expect(foundBytes(result)).toBe(found)
  })
})
