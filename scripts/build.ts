/**
 * Builds the single binary: `bun run build` writes dist/roundhouse.
 *
 * `bun run build --rootfs` also writes dist/rootfs, the binary with the C library of this machine: all that an image
 * needs that is made from nothing (`docker build --target prebuilt`).
 */
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }

const ROOT = join(import.meta.dir, '..')
const BINARY = join(ROOT, 'dist', packageJson.name)
const ROOTFS = join(ROOT, 'dist', 'rootfs')

await compile()
if (process.argv.includes('--rootfs')) await writeRootfs()

async function compile(): Promise<void> {
  // A worker is started by its path, which the bundler does not follow: it has to be an entry point of its own.
  const workers = [...new Bun.Glob('src/workers/*.worker.ts').scanSync(ROOT)].sort()
  run([
    process.execPath,
    'build',
    '--compile',
    // This very Bun is the base, so that nothing is downloaded.
    `--compile-executable-path=${process.execPath}`,
    '--bytecode',
    '--format=esm',
    // Never --minify-identifiers: Elysia compares names of classes, and would let invalid requests pass.
    '--minify-whitespace',
    '--minify-syntax',
    // An optional addon of ssh2, which dockerode uses for ssh:// only; without it there is nothing to resolve.
    '--external=cpu-features',
    `--outfile=${BINARY}`,
    'src/main.ts',
    ...workers,
  ])
}

async function writeRootfs(): Promise<void> {
  await rm(ROOTFS, { recursive: true, force: true })
  for (const file of sharedLibraries()) {
    await mkdir(join(ROOTFS, dirname(file)), { recursive: true })
    await copyFile(file, join(ROOTFS, file))
  }
  await copyFile(BINARY, join(ROOTFS, packageJson.name))
  await chmod(join(ROOTFS, packageJson.name), 0o755)
}

/** The absolute paths of what the dynamic linker loads for the binary, itself included. */
function sharedLibraries(): string[] {
  const { stdout, success } = Bun.spawnSync(['ldd', BINARY])
  if (!success) throw new Error('ldd could not tell the libraries of the binary')
  return [...stdout.toString().matchAll(/(?<path>\/\S+) \(0x/g)].map(([, path = '']) => path)
}

function run(command: string[]): void {
  // The bundler writes the value of NODE_ENV at build time into the program.
  const env = { ...process.env, NODE_ENV: 'production' }
  const { exitCode } = Bun.spawnSync(command, { cwd: ROOT, env, stdout: 'inherit', stderr: 'inherit' })
  if (exitCode !== 0) process.exit(exitCode)
}
