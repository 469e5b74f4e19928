/** As a program (`bun tests/support/gluetun-image.ts`) it prints the image's tag as its last line. */

import { join } from 'node:path'
import { buildEmulatorImage } from './emulator-image.ts'

const EMULATORS = join(import.meta.dir, '../emulators')

/**
 * Sees to it that Gluetun's emulator's image of the present sources is in the Docker Engine (that of `DOCKER_HOST`,
 * else of the default socket), and gives its tag, `roundhouse-gluetun-emulator:<hash>`; `:latest` moves along. Its
 * health check is that of Gluetun's own Dockerfile from v3.39; before, `retries` was 1.
 *
 * @throws {Error} when Docker cannot be reached, or with the compiler's or builder's own words.
 */
export function buildGluetunImage(): Promise<string> {
  return buildEmulatorImage({
    repository: 'roundhouse-gluetun-emulator',
    main: join(EMULATORS, 'gluetun/main.ts'),
    // It takes the clock and the faults from its neighbour.
    sources: [join(EMULATORS, 'gluetun'), join(EMULATORS, 'engine')],
    program: '/gluetun-entrypoint',
    // Gluetun's image is Alpine's, with busybox.
    tools: ['grep', 'cat'],
    instructions: `EXPOSE 8000 8999
ENTRYPOINT ["/gluetun-entrypoint"]
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 CMD ["/gluetun-entrypoint", "healthcheck"]
`,
  })
}

if (import.meta.main) console.log(await buildGluetunImage())
