/** As a program (`bun tests/support/engine-image.ts`) it prints the image's tag as its last line. */

import { join } from 'node:path'
import { buildEmulatorImage } from './emulator-image.ts'

/** Where the engines of the default image have their cache. */
export const ENGINE_CACHE = '/home/appuser/.ACEStream/.acestream_cache'

const SOURCES = join(import.meta.dir, '../emulators/engine')

/**
 * Sees to it that the engine emulator's image of the present sources is in the Docker Engine (that of `DOCKER_HOST`,
 * else of the default socket), and gives its tag, `roundhouse-engine-emulator:<hash>`; `:latest` moves along.
 *
 * @throws {Error} when Docker cannot be reached, or with the compiler's or builder's own words.
 */
export function buildEngineImage(): Promise<string> {
  // What the cleanup of a cache and a look at connections need, which nearly every real image has.
  return build('roundhouse-engine-emulator', ['sh', 'du', 'rm', 'grep', 'cat'])
}

/** The same with nothing but the engine in it, as some real images are; gives its tag. */
export function buildBareEngineImage(): Promise<string> {
  return build('roundhouse-engine-emulator-bare', [])
}

function build(repository: string, tools: readonly string[]): Promise<string> {
  return buildEmulatorImage({
    repository,
    main: join(SOURCES, 'main.ts'),
    sources: [SOURCES],
    program: '/engine-emulator',
    tools,
    instructions: [
      'EXPOSE 6878 6879 8621 62062 6870',
      // Makes the folder.
      `WORKDIR ${ENGINE_CACHE}`,
      'WORKDIR /',
      'ENTRYPOINT ["/engine-emulator"]',
      '',
    ].join('\n'),
  })
}

if (import.meta.main) console.log(await buildEngineImage())
