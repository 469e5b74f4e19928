/**
 * Builds the single binary: `bun run build` writes dist/roundhouse, or the file of `--outfile=PATH`.
 *
 * `--target=bun-linux-x64-baseline` (or -arm64, …) makes it for another machine. Bun gets that runtime from the npm registry,
 * once.
 *
 * On Linux it also writes dist/rootfs: the binary, the C library that it needs and a folder for the state, of which
 * `docker build .` makes an image. `--sysroot=DIR` says where the C library of another machine is (/usr/aarch64-linux-gnu
 * of Debian's libc6-arm64-cross).
 */
import { join } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import { bundleSettings, ROOT } from './bundle.ts'
import { writeRootfs } from './rootfs.ts'

const target = option('target') as Bun.Build.CompileTarget | null
const outfile = option('outfile')
const binary = outfile ?? join(ROOT, 'dist', packageJson.name)

await compile()
const sysroot = option('sysroot')
const isOfThisMachine = target === null || target.startsWith(`bun-linux-${process.arch}`)
if (outfile === null && process.platform === 'linux' && (isOfThisMachine || sysroot !== null)) {
  await writeRootfs(binary, join(ROOT, 'dist', 'rootfs'), sysroot)
}

async function compile(): Promise<void> {
  await Bun.build({
    ...bundleSettings(),
    bytecode: true,
    compile: {
      outfile: binary,
      // The running Bun is the base unless another one is asked for, so that nothing is downloaded.
      ...(target === null ? { executablePath: process.execPath } : { target }),
      // A user who may write to the folder that the binary starts in must not decide what it runs, or with which settings.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadPackageJson: false,
      autoloadTsconfig: false,
    },
  })
}

/** The value of a flag `--name=value`, or null. */
function option(name: string): string | null {
  const flag = `--${name}=`
  return process.argv.find((arg) => arg.startsWith(flag))?.slice(flag.length) ?? null
}
