import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { settingInfo, settingNames } from '../src/config/config.ts'
import { Rig } from './support/rig.ts'

const readme = await Bun.file(join(import.meta.dir, '../README.md')).text()

test('the README has every setting with its default and meaning', () => {
  const row = (name: ReturnType<typeof settingNames>[number]): string => {
    const { default: fallback, description } = settingInfo(name)
    return `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${description.replaceAll('|', '\\|')} |`
  }
  const rows = readme.split('\n').filter((line) => /^\| `[A-Z0-9_]+` \|/.test(line))
  expect(rows).toEqual(settingNames().map(row))
})

test('the README has every endpoint of the API', async () => {
  const rig = new Rig()
  const { paths } = await rig.json<{ paths: Record<string, object> }>('GET', '/swagger/json')
  await rig.dispose()
  const documented = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const listed = [...readme.matchAll(/^\| `((?:GET|POST|DELETE) \S+)` \|/gm)].map(
    ([, request]) => request ?? '',
  )
  expect(listed.toSorted()).toEqual(documented.toSorted())
})
