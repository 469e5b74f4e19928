import { expect, test } from 'bun:test'
import { join } from 'node:path'
import packageJson from '../../../package.json' with { type: 'json' }
import { settingInfo, settingNames } from '../../../src/config/config.ts'
import { documents, read, spansOf } from '../../support/documents.ts'

/* The README is short, and everything that the documents tell users to type exists. */

const ROOT = join(import.meta.dir, '../../..')
const readme = await read('README.md')

test('the README has at most 150 lines', () => {
  expect(readme.split('\n').length - 1).toBeLessThanOrEqual(150)
})

test('the README names every document', async () => {
  const named = documents.filter((path) => path !== 'README.md' && !readme.includes(`](${path})`))
  expect(named).toEqual([])
})

test('the README gives settings their defaults', () => {
  const rows = [...readme.matchAll(/^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|([^|]*)\|/gm)]
  expect(rows.length).toBeGreaterThan(3)
  for (const [, names = '', shown = ''] of rows) {
    const known = settingNames().filter((name) => names.includes(`\`${name}\``))
    expect([names, known.length]).toEqual([names, names.split(', ').length])
    const defaults = known.map((name) => settingInfo(name).default)
    // The README shows only the last part of the image's name.
    const told = shown.replaceAll('`', '').trim().split(', ')
    for (const [index, fallback] of defaults.entries()) expect(fallback).toContain(told[index] ?? 'nothing')
    expect(told.map((each) => each === '')).toEqual(defaults.map((fallback) => fallback === ''))
  }
})

test.each(documents)('%s: the commands are there', async (path) => {
  const text = await read(path)
  const scripts = [...text.matchAll(/\bbun run ([a-z:]+)/g)].map(([, name = '']) => name)
  const unknown = scripts.filter((name) => !Object.hasOwn(packageJson.scripts, name))
  expect(unknown).toEqual([])
})

/** ARCHITECTURE.md and CHANGELOG.md may name patterns and files of the past. */
const told = documents.filter((path) => path === 'README.md' || path.startsWith('docs/'))

test.each(told)('%s: the files are there', async (path) => {
  const words = spansOf(await read(path)).flatMap((span) => span.split(/[\s:]/))
  const files = words.filter((word) => /^(?:src|tests|scripts|docs|deploy)\/[\w./-]+\w$/.test(word))
  const missing: string[] = []
  // A reader makes .env from the example beside it.
  for (const file of files) if (!(await isThere(file.replace(/\.env$/, '.env.example')))) missing.push(file)
  expect(missing).toEqual([])
})

async function isThere(path: string): Promise<boolean> {
  const stat = await Bun.file(join(ROOT, path))
    .stat()
    .catch(() => null)
  return stat !== null
}
