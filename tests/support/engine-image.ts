/**
 * The image of the engine emulator, made without a registry: the compiled program and the few shared libraries it
 * needs, on nothing. As a program (`bun tests/support/engine-image.ts`) it prints the image's tag as its last line.
 */

import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Docker from 'dockerode'

const REPOSITORY = 'roundhouse-engine-emulator'
const SOURCES = join(import.meta.dir, '../emulators/engine')
const BUILD_DEADLINE_MS = 120_000

const DOCKERFILE = `FROM scratch
COPY rootfs/ /
EXPOSE 6878 6879 8621 62062 6870
ENTRYPOINT ["/engine-emulator"]
`

/**
 * Sees to it that the engine emulator's image of the present sources is in the Docker Engine (that of `DOCKER_HOST`,
 * else of the default socket), and gives its tag, `roundhouse-engine-emulator:<hash>`; `:latest` moves along. Builds
 * only when the sources or Bun's version changed: some seconds then, some milliseconds otherwise. Images of earlier
 * sources are left alone, since another test run may be using them.
 *
 * @throws {Error} when Docker cannot be reached, or with the compiler's or builder's own words.
 */
export async function buildEngineImage(): Promise<string> {
  const docker = new Docker()
  const version = await sourceVersion()
  const tag = `${REPOSITORY}:${version}`
  const tags = await existingTags(docker, tag)
  if (tags === null) await build(docker, tag)
  if (!tags?.includes(`${REPOSITORY}:latest`)) {
    await docker.getImage(tag).tag({ repo: REPOSITORY, tag: 'latest' })
  }
  return tag
}

/** Changes with whatever can change the image: the emulator's sources, this file, and the Bun that compiles them. */
async function sourceVersion(): Promise<string> {
  const hash = createHash('sha256').update(Bun.version)
  // Its tests lie in folders below and are no part of it.
  const names = await Array.fromAsync(new Bun.Glob('*.ts').scan({ cwd: SOURCES }))
  const files = names.toSorted().map((name) => join(SOURCES, name))
  for (const file of [...files, import.meta.path]) {
    hash.update(`\0${file.slice(dirname(SOURCES).length)}\0`).update(await Bun.file(file).bytes())
  }
  return hash.digest('hex').slice(0, 16)
}

/** All tags of the image that has `tag`, or null when there is none. */
async function existingTags(docker: Docker, tag: string): Promise<readonly string[] | null> {
  try {
    return (await docker.getImage(tag).inspect()).RepoTags
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return null
    throw error
  }
}

async function build(docker: Docker, tag: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `${REPOSITORY}-`))
  try {
    const rootfs = join(folder, 'rootfs')
    const program = join(rootfs, 'engine-emulator')
    await compile(program)
    await copyLibraries(program, rootfs)
    await Bun.write(join(folder, 'Dockerfile'), DOCKERFILE)
    const stream = await docker.buildImage(
      { context: folder, src: ['Dockerfile', 'rootfs'] },
      { t: tag, abortSignal: AbortSignal.timeout(BUILD_DEADLINE_MS) },
    )
    await buildFinished(docker, stream)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function compile(outfile: string): Promise<void> {
  // A process of its own: the caller may be a test run, whose event loop and module cache are not ours to use.
  const args = [
    'build',
    '--compile',
    '--bytecode',
    '--format=esm',
    join(SOURCES, 'main.ts'),
    '--outfile',
    outfile,
  ]
  await run([process.execPath, ...args])
}

/** Copies what the dynamic linker would load, to the same paths: the loader itself, libc and its like. */
async function copyLibraries(program: string, rootfs: string): Promise<void> {
  const paths = [...(await run(['ldd', program])).matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
  for (const path of paths) {
    const target = join(rootfs, path)
    await mkdir(dirname(target), { recursive: true })
    await cp(path, target, { dereference: true })
  }
}

async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdout: 'pipe', stderr: 'pipe' })
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${errors}`)
  return output
}

/** The builder reports its failures in the stream, with status 200: without reading it they would be lost. */
function buildFinished(docker: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error: Error | null, events: readonly { error?: string }[] | null) => {
        const failure = error?.message ?? events?.find((event) => event.error !== undefined)?.error
        if (failure === undefined) resolve()
        else reject(new Error(`the engine emulator's image could not be built: ${failure}`, { cause: error }))
      },
    )
  })
}

if (import.meta.main) console.log(await buildEngineImage())
