/**
 * Builds the images of the engine emulator. Run as a program (`bun tests/support/engine-image.ts`), it prints the image's
 * tag as its last line.
 */

import { join } from 'node:path'
import { buildEmulatorImage } from './emulator-image.ts'

/** Where the engines of the default image have their cache. */
export const ENGINE_CACHE = '/home/appuser/.ACEStream/.acestream_cache'

/** Where engines of other images have theirs. */
const OTHER_CACHES = [
  '/acestream/.ACEStream/.acestream_cache',
  '/root/.ACEStream/.acestream_cache',
  '/srv/ace/.ACEStream/cache',
]

/** Where the images of the field have their engine. */
const ENGINE_PROGRAMS = [
  '/acestream/acestreamengine',
  '/acestream/start-engine',
  '/app/start-engine',
  '/opt/acestream/start-engine',
  '/srv/ace/start-engine',
  '/start-engine',
  '/usr/bin/python',
]

const SOURCES = join(import.meta.dir, '../emulators/engine')

/**
 * Makes sure that the Docker Engine (of `DOCKER_HOST`, otherwise of the default socket) has the engine emulator's image of
 * the current sources, and returns its tag, `roundhouse-engine-emulator:<hash>`. `:latest` is moved to it.
 *
 * @throws {Error} if Docker cannot be reached, or with the compiler's or builder's message.
 */
export function buildEngineImage(): Promise<string> {
  // Tools for the cleanup of a cache, for looks at connections and for start scripts. Nearly every real image has them.
  return build('roundhouse-engine-emulator', ['sh', 'du', 'rm', 'grep', 'cat', 'mkdir'])
}

/** Builds an image with nothing but the engine in it, as some real images are, and returns its tag. */
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
    links: ENGINE_PROGRAMS,
    instructions: [
      'EXPOSE 6878 6879 8621 62062 6870',
      // Creates the folders.
      ...[ENGINE_CACHE, ...OTHER_CACHES].map((folder) => `WORKDIR ${folder}`),
      'WORKDIR /',
      'ENTRYPOINT ["/engine-emulator"]',
      '',
    ].join('\n'),
  })
}

if (import.meta.main) console.log(await buildEngineImage())
