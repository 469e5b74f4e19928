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
  return buildEmulatorImage({
    repository: 'roundhouse-engine-emulator',
    main: join(SOURCES, 'main.ts'),
    sources: [SOURCES],
    program: '/engine-emulator',
    // What the cleanup of a cache needs, which every real image has.
    tools: ['sh', 'du', 'rm'],
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
