import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import Docker from 'dockerode'

/** The parts of an emulator's image. */
export interface EmulatorImage {
  /** The image's name without a tag. */
  readonly repository: string
  /** The program to compile. */
  readonly main: string
  /** Folders whose `.ts` files belong to the program. Their subfolders (tests) do not. */
  readonly sources: readonly string[]
  /** The path of the program in the image. */
  readonly program: string
  /** Commands of this host that are also put into `/bin` of the image. */
  readonly tools: readonly string[]
  /** Further paths of the program in the image. */
  readonly links?: readonly string[]
  /** The rest of the Dockerfile, after the lines that copy the files. A change of it changes the tag. */
  readonly instructions: string
}

const BUILD_DEADLINE_MS = 120_000

/**
 * Makes sure that the Docker Engine (of `DOCKER_HOST`, otherwise of the default socket) has an emulator's image of the
 * current sources, and returns its tag, `<repository>:<hash>`. `:latest` is moved to it. The image needs no registry: it
 * contains the compiled program, the tools and their few shared libraries, from scratch. It is built only if the sources or
 * Bun's version changed, which takes some seconds; otherwise this takes some milliseconds. Images of earlier sources are
 * kept, because another test run may be using them.
 *
 * @throws {Error} if Docker cannot be reached, or with the compiler's or builder's message.
 */
export async function buildEmulatorImage(image: EmulatorImage): Promise<string> {
  const docker = new Docker()
  const tag = `${image.repository}:${await sourceVersion(image)}`
  const tags = await existingTags(docker, tag)
  if (tags === null) await build(docker, image, tag)
  if (!tags?.includes(`${image.repository}:latest`)) {
    await docker.getImage(tag).tag({ repo: image.repository, tag: 'latest' })
  }
  return tag
}

/**
 * A hash of everything that can change the image: the sources, the instructions, this file, and the version of Bun, which
 * compiles.
 */
async function sourceVersion(image: EmulatorImage): Promise<string> {
  const { sources, instructions, program, tools, links = [] } = image
  const hash = createHash('sha256').update(`${Bun.version}\0${program}\0${tools}\0${links}\0${instructions}`)
  const files = [...(await Promise.all(sources.map(typescriptFiles))).flat(), import.meta.path]
  for (const file of files) {
    hash.update(`\0${basename(dirname(file))}/${basename(file)}\0`).update(await Bun.file(file).bytes())
  }
  return hash.digest('hex').slice(0, 16)
}

async function typescriptFiles(folder: string): Promise<readonly string[]> {
  const names = await Array.fromAsync(new Bun.Glob('*.ts').scan({ cwd: folder }))
  return names.toSorted().map((name) => join(folder, name))
}

/** Returns all tags of the image that has `tag`, or null if there is none. */
async function existingTags(docker: Docker, tag: string): Promise<readonly string[] | null> {
  try {
    return (await docker.getImage(tag).inspect()).RepoTags
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return null
    throw error
  }
}

async function build(docker: Docker, image: EmulatorImage, tag: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `${image.repository}-`))
  try {
    const rootfs = join(folder, 'rootfs')
    const program = join(rootfs, image.program)
    await compile(image.main, program)
    await copyLibraries(program, rootfs)
    for (const tool of image.tools) await copyTool(tool, rootfs)
    for (const link of image.links ?? []) await linkProgram(image.program, join(rootfs, link))
    await Bun.write(join(folder, 'Dockerfile'), `FROM scratch\nCOPY rootfs/ /\n${image.instructions}`)
    const stream = await docker.buildImage(
      { context: folder, src: ['Dockerfile', 'rootfs'] },
      { t: tag, abortSignal: AbortSignal.timeout(BUILD_DEADLINE_MS) },
    )
    await buildFinished(docker, stream, tag)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function compile(main: string, outfile: string): Promise<void> {
  // Runs in a process of its own: the caller may be a test run, whose event loop and module cache must not be used.
  const args = ['build', '--compile', '--bytecode', '--format=esm', main, '--outfile', outfile]
  await run([process.execPath, ...args])
}

async function copyTool(name: string, rootfs: string): Promise<void> {
  const path = Bun.which(name)
  if (path === null) throw new Error(`this host has no "${name}" to put into the image`)
  await cp(path, join(rootfs, 'bin', name), { dereference: true })
  await copyLibraries(path, rootfs)
}

async function linkProgram(program: string, link: string): Promise<void> {
  await mkdir(dirname(link), { recursive: true })
  await symlink(program, link)
}

/** Copies the files that the dynamic linker would load, such as the loader itself and libc, to the same paths. */
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

/**
 * Resolves when an image is built. The builder reports its failures in the stream, with status 200, so the stream has to be
 * read. Throws with the builder's message.
 */
export function buildFinished(docker: Docker, stream: NodeJS.ReadableStream, tag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error: Error | null, events: readonly { error?: string }[] | null) => {
        const failure = error?.message ?? events?.find((event) => event.error !== undefined)?.error
        if (failure === undefined) resolve()
        else reject(new Error(`the image ${tag} could not be built: ${failure}`, { cause: error }))
      },
    )
  })
}
