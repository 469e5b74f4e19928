/**
 * Builds the image of the Gluetun emulator. Run as a program (`bun tests/support/gluetun-image.ts`), it prints the image's
 * tag as its last line.
 */

import { join } from 'node:path'
import { buildEmulatorImage } from './emulator-image.ts'

const EMULATORS = join(import.meta.dir, '../emulators')

/**
 * Makes sure that the Docker Engine (of `DOCKER_HOST`, otherwise of the default socket) has the Gluetun emulator's image of
 * the current sources, and returns its tag, `roundhouse-gluetun-emulator:<hash>`. `:latest` is moved to it. The image has
 * the health check of Gluetun's own Dockerfile from v3.39; before that, `retries` was 1.
 *
 * @throws {Error} if Docker cannot be reached, or with the compiler's or builder's message.
 */
export function buildGluetunImage(): Promise<string> {
  return buildEmulatorImage({
    repository: 'roundhouse-gluetun-emulator',
    main: join(EMULATORS, 'gluetun/main.ts'),
    // The Gluetun emulator uses the clock and the faults of the engine emulator.
    sources: [join(EMULATORS, 'gluetun'), join(EMULATORS, 'engine')],
    program: '/gluetun-entrypoint',
    // Gluetun's image is based on Alpine, with busybox.
    tools: ['grep', 'cat'],
    instructions: `EXPOSE 8000 8999
ENTRYPOINT ["/gluetun-entrypoint"]
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 CMD ["/gluetun-entrypoint", "healthcheck"]
`,
  })
}

if (import.meta.main) console.log(await buildGluetunImage())
