/**
 * Builds the image from a binary, without a registry: `bun run build:image [--tag=roundhouse:latest] [--arch=x64|arm64]`.
 *
 * The runtime of x64 is Bun's baseline, which needs no AVX2; Bun gets it from the npm registry, once. An image for another
 * architecture than this machine's needs its C library, too: `--sysroot=DIR`, as for `bun run build`.
 */
import packageJson from '../package.json' with { type: 'json' }
import { ROOT } from './bundle.ts'

/** How the architectures are called: by us and Node, by Bun's runtimes, and by Docker. */
const ARCHITECTURES = {
  x64: { runtime: 'bun-linux-x64-baseline', platform: 'linux/amd64' },
  arm64: { runtime: 'bun-linux-arm64', platform: 'linux/arm64' },
} as const

const OCI = 'org.opencontainers.image'

const tag = option('tag') ?? `${packageJson.name}:latest`
const arch = option('arch') ?? process.arch
if (!isKnown(arch))
  fail(`there is no runtime for ${arch}: choose one of ${Object.keys(ARCHITECTURES).join(', ')}`)
const { runtime, platform } = ARCHITECTURES[arch]
const sysroot = option('sysroot')
const isForeign = arch !== process.arch
if (isForeign && sysroot === null)
  fail(
    `an image for ${arch} needs the C library of ${arch}: name the folder above its lib with --sysroot=DIR`,
  )

must([
  'bun',
  'scripts/build.ts',
  `--target=${runtime}`,
  ...(sysroot === null ? [] : [`--sysroot=${sysroot}`]),
])
must([
  ...['docker', 'build', '--tag', tag],
  ...(isForeign ? ['--platform', platform] : []),
  ...Object.entries(labels()).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
  '.',
])

/** What is known of this build only; the Dockerfile has the other labels. Without git, nothing is said of the sources. */
function labels(): Record<string, string> {
  const revision = git('rev-parse', 'HEAD')
  const isChanged = git('status', '--porcelain', '--untracked-files=no') !== null
  const origin = git('remote', 'get-url', 'origin')
  return {
    [`${OCI}.version`]: packageJson.version,
    [`${OCI}.created`]: new Date().toISOString(),
    ...(revision === null ? {} : { [`${OCI}.revision`]: isChanged ? `${revision}-dirty` : revision }),
    // Another kind of origin is a path or an account of whoever builds.
    ...(origin?.startsWith('https://') ? { [`${OCI}.source`]: withoutUser(origin) } : {}),
  }
}

function withoutUser(origin: string): string {
  const url = new URL(origin)
  url.username = ''
  url.password = ''
  return url.href
}

/** What a command of git wrote; null if that is nothing, or if it failed. */
function git(...args: string[]): string | null {
  if (Bun.which('git') === null) return null
  const { success, stdout } = Bun.spawnSync(['git', ...args], { cwd: ROOT, stderr: 'ignore' })
  const text = stdout.toString().trim()
  return success && text !== '' ? text : null
}

/** Runs a command of the build, whose output is shown. Ends with its code if it fails. */
function must([program = '', ...args]: string[]): void {
  if (Bun.which(program) === null) fail(`${program} is not on the PATH`)
  const { exitCode } = Bun.spawnSync([program, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (exitCode !== 0) process.exit(exitCode)
}

/** The value of a flag `--name=value`, or null. */
function option(name: string): string | null {
  const flag = `--${name}=`
  return process.argv.find((arg) => arg.startsWith(flag))?.slice(flag.length) ?? null
}

function isKnown(name: string): name is keyof typeof ARCHITECTURES {
  return Object.hasOwn(ARCHITECTURES, name)
}

function fail(why: string): never {
  console.error(`The image can't be built: ${why}.`)
  process.exit(2)
}
