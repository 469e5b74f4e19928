/** Stand-ins for the images of the compose files that are neither engines nor Gluetun. */
import { join } from 'node:path'
import { buildEmulatorImage } from './emulator-image.ts'

/**
 * Makes sure that the Docker Engine has an image of our model of acexy, and returns its tag.
 *
 * @throws {Error} if Docker cannot be reached, or with the compiler's or builder's message.
 */
export const buildAcexyImage = (): Promise<string> => build('acexy', 'EXPOSE 8080\nENV ACEXY_ADDR=:8080')

/** The same for the stand-in of docker-socket-proxy. */
export const buildSocketProxyImage = (): Promise<string> => build('socket-proxy', 'EXPOSE 2375')

function build(name: string, instructions: string): Promise<string> {
  return buildEmulatorImage({
    repository: `roundhouse-${name}-stand-in`,
    main: join(import.meta.dir, `${name}-process.ts`),
    sources: [import.meta.dir],
    program: `/${name}`,
    tools: [],
    instructions: `${instructions}\nENTRYPOINT ["/${name}"]\n`,
  })
}
