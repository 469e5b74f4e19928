import { afterEach, describe, expect, test } from 'bun:test'
import { IMAGE, Rig } from '../../support/rig.ts'

/* What users are told at the start about the image of their engines, by its name and the settings alone. */

let rig: Rig | null = null
afterEach(async () => {
  await rig?.dispose()
  rig = null
})

interface Status {
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly remedy: string }[]
}

/** The warnings of an installation with these settings. */
async function warningsOf(env: Record<string, string>) {
  rig = await new Rig({ ENGINE_RECIPE: 'auto', ...env }).start()
  const { warnings } = await rig.json<Status>('GET', '/orchestrator/status')
  return warnings.filter(({ code }) => code.startsWith('image_') || code.startsWith('cache_'))
}

const codesOf = async (env: Record<string, string>) => (await warningsOf(env)).map(({ code }) => code)

describe('an unknown image', () => {
  test('is told once in the log, and in the status with its remedy', async () => {
    expect(await warningsOf({})).toMatchObject([
      {
        code: 'image_unknown',
        message: expect.stringContaining(`engines of ${IMAGE}`),
        remedy: expect.stringMatching(/ENGINE_RECIPE.*docs\/ENGINES\.md.*ENGINE_CMD/),
      },
    ])
    expect(
      rig?.logged.filter((line) => line.includes('image_unknown') && !line.startsWith('ready')),
    ).toHaveLength(1)
  })

  test.each<Record<string, string>>([
    { ENGINE_CMD: 'x' },
    { ENGINE_RECIPE: 'variables' },
    { ENGINE_RECIPE: 'none' },
  ])('is no news to users who set %j', async (env) => {
    expect(await codesOf(env)).toEqual([])
  })
})

test.each(['ghcr.io/krinkuto11/acestream-http-proxy:latest', 'jopsis/aceserve', 'wafy80/acestream'])(
  '%s is known, and its cache is limited',
  async (image) => {
    expect(await codesOf({ TARGET_IMAGE: image })).toEqual([])
  },
)

test.each(['futebas/acestream-engine-arm', 'acestream/engine:latest'])(
  'that engines of %s cannot be served is told with the reason',
  async (image) => {
    expect(await warningsOf({ TARGET_IMAGE: image })).toMatchObject([
      {
        code: 'image_unservable',
        message: expect.stringContaining(`engines of ${image} cannot be served: `),
      },
    ])
  },
)

describe('a cache without a limit', () => {
  const image = { TARGET_IMAGE: 'smarquezp/docker-acestream-ubuntu-home' }
  const path = '/root/.ACEStream/.acestream_cache'

  test('is told with a remedy that ends the warning', async () => {
    const [warning] = await warningsOf(image)
    expect(warning).toMatchObject({ code: 'cache_unbounded' })
    const [, remedy = ''] = /ENGINE_TMPFS="([^"]+)"/.exec(warning?.remedy ?? '') ?? []
    await rig?.dispose()
    expect(await codesOf({ ...image, ENGINE_TMPFS: remedy })).toEqual([])
  })

  test.each([
    ['/root/.ACEStream:size=2g', []],
    [`${path}/`, []],
    ['/root/.ACE', ['cache_unbounded']],
    ['/tmp', ['cache_unbounded']],
  ])('has one with a folder in memory around it: %s', async (folder, codes) => {
    expect(await codesOf({ ...image, ENGINE_TMPFS: folder })).toEqual(codes)
  })

  test.each([
    ['--client-console --http-port={http_port}', ['cache_unbounded']],
    ['--http-port={http_port} --cache-limit={cache_gb}', []],
    ['--http-port={http_port} --live-cache-type memory', []],
  ])('is that of a user’s own command without one: %s', async (command, codes) => {
    expect(await codesOf({ TARGET_IMAGE: 'wafy80/acestream', ENGINE_CMD: command })).toEqual(codes)
  })
})
