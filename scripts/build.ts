/**
 * Builds the single binary: `bun run build` writes dist/roundhouse, or the file of `--outfile=PATH`.
 *
 * `bun run build --rootfs` also writes dist/rootfs: the binary and the C library of this machine. An image made from scratch
 * needs nothing else (`docker build --target prebuilt`).
 */
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import { bundleSettings, ROOT } from './bundle.ts'

const OUTFILE = '--outfile='
const BINARY =
  process.argv.find((arg) => arg.startsWith(OUTFILE))?.slice(OUTFILE.length) ??
  join(ROOT, 'dist', packageJson.name)
const ROOTFS = join(ROOT, 'dist', 'rootfs')

await compile()
if (process.argv.includes('--rootfs')) await writeRootfs()

async function compile(): Promise<void> {
  await Bun.build({
    ...bundleSettings(),
    bytecode: true,
    compile: {
      outfile: BINARY,
      // The running Bun is the base, so that nothing is downloaded.
      executablePath: process.execPath,
      // A user who may write to the folder that the binary starts in must not decide what it runs, or with which settings.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadPackageJson: false,
      autoloadTsconfig: false,
    },
  })
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

/** Lists the absolute paths of the files that the dynamic linker loads for the binary, including the linker itself. */
function sharedLibraries(): string[] {
  const { stdout, success } = Bun.spawnSync(['ldd', BINARY])
  if (!success) throw new Error('ldd could not tell the libraries of the binary')
  return [...stdout.toString().matchAll(/(?<path>\/\S+) \(0x/g)].map(([, path = '']) => path)
}
