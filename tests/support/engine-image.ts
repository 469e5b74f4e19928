/** As a program (`bun tests/support/engine-image.ts`) it prints the image's tag as its last line. */

import { join } from 'node:path'
import { buildEmulatorImage } from './emulator-image.ts'

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
    instructions: 'EXPOSE 6878 6879 8621 62062 6870\nENTRYPOINT ["/engine-emulator"]\n',
  })
}

if (import.meta.main) console.log(await buildEngineImage())
