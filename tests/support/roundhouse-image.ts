import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseDockerHost } from '../../src/runtime/docker-connection.ts'
import type { TestDocker } from './docker.ts'

const ROOT = join(import.meta.dir, '../..')

/** An image of the current sources, under a tag of this test's own. */
export interface OwnImage {
  readonly tag: string
  readonly remove: () => Promise<void>
}

/** Builds the image as a user does (`bun run build:image`). Throws with what the command wrote. */
export async function buildOwnImage({ client, label }: TestDocker): Promise<OwnImage> {
  const tag = `roundhouse-test/roundhouse:${label.value}`
  await runInProject(['bun', 'run', 'build:image', `--tag=${tag}`])
  return { tag, remove: () => client.getImage(tag).remove({ force: true }) }
}

/**
 * Runs a command that builds in the project's folder, with Docker's plain builder, and returns its output. Throws with its
 * errors. Other files of tests, in processes of their own, wait meanwhile, because all builds write into `dist`.
 */
export async function runInProject(command: readonly string[]): Promise<string> {
  const env = { ...process.env, DOCKER_BUILDKIT: '0' }
  mkdirSync(join(ROOT, '.run'), { recursive: true })
  const alone = ['flock', join(ROOT, '.run/build.lock'), ...command]
  const child = Bun.spawn(alone, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${output}${errors}`)
  return output
}

/** The path of the Docker socket, to be mounted into a container. Throws if Docker is reached in another way. */
export function socketOf({ dockerHost }: TestDocker): string {
  const address = parseDockerHost(dockerHost)
  if (address.kind !== 'unix') throw new Error(`DOCKER_HOST=${dockerHost} is no socket of this machine`)
  return address.path
}
