import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { NOTICES, noticesText } from '../../../scripts/notices.ts'

/* What third-party packages may do when they are installed, and which licences they require. */

/** The bundler reads a thousand modules. */
setDefaultTimeout(60_000)

const ROOT = join(import.meta.dir, '../../..')

test('no package runs a script when it is installed, also none that Bun trusts by itself', () => {
  // Bun lists here the packages that have scripts and may not run them.
  const { stdout } = Bun.spawnSync([process.execPath, 'pm', 'untrusted'], { cwd: ROOT })
  for (const name of ['ssh2', '@scarf/scarf', 'esbuild'])
    expect(stdout.toString()).toContain(`node_modules/${name} `)
})

test('NOTICES.md has the licences of all that the binary holds: bun run notices', async () => {
  const notices = await Bun.file(NOTICES).text()
  expect(notices === (await noticesText())).toBe(true)
})

test.each(['Bun itself is MIT', 'JavaScriptCore', '`boringssl`', '`sqlite`', '| elysia |', '| dockerode |'])(
  'NOTICES.md names %s',
  async (name) => {
    const notices = (await Bun.file(NOTICES).text()).replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    expect(notices).toContain(name)
  },
)

test('NOTICES.md names no package that is only worked with', async () => {
  const notices = await Bun.file(NOTICES).text()
  for (const name of ['knip', 'fast-check', 'drizzle-kit', '@biomejs/biome'])
    expect(notices).not.toContain(`| ${name} |`)
})

test('NOTICES.md names no package that a library loads for what we never do', async () => {
  const notices = await Bun.file(NOTICES).text()
  for (const name of ['ssh2', '@grpc/grpc-js', 'protobufjs', 'tar-fs', '@scalar/themes'])
    expect(notices.includes(`### ${name} `)).toBe(false)
})
