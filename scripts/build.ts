/**
 * Builds the single binary: `bun run build` writes dist/roundhouse, or the file of `--outfile=PATH`.
 *
 * `--target=bun-linux-x64-baseline` (or -arm64, …) makes it for another machine. Bun gets that runtime from the npm registry,
 * once.
 *
 * On Linux it also writes dist/rootfs: the binary, the C library that it needs and a folder for the state, of which
 * `docker build .` makes an image. `--sysroot=DIR` says where the C library of another machine is (/usr/aarch64-linux-gnu
 * of Debian's libc6-arm64-cross).
 *
 * It is compiled twice: the first one is started, and says which functions a start uses. These come first in the second. The
 * order is the same for every target.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import { bundleSettings, ROOT } from './bundle.ts'
import { recordOrder } from './bytecode-order.ts'
import { writeRootfs } from './rootfs.ts'

/**
 * How much more often than usual a function has to run, while the program starts, before it is compiled for speed. Most run
 * once. `main.ts` ends this when the start has ended.
 */
const START_JIT_POLICY = 20

const target = option('target') as Bun.Build.CompileTarget | null
const outfile = option('outfile')
const binary = outfile ?? join(ROOT, 'dist', packageJson.name)

const workshop = mkdtempSync(join(tmpdir(), 'roundhouse-build-'))
try {
  const first = join(workshop, 'roundhouse')
  const order = join(workshop, 'order')
  await compile(first, null, null)
  const isRecorded = await recordOrder(first, order)
  if (!isRecorded)
    console.error('The binary does not run here, so it is built without the order of its functions.')
  await compile(binary, target, isRecorded ? order : null)
} finally {
  rmSync(workshop, { recursive: true, force: true })
}
const sysroot = option('sysroot')
const isOfThisMachine = target === null || target.startsWith(`bun-linux-${process.arch}`)
if (outfile === null && process.platform === 'linux' && (isOfThisMachine || sysroot !== null)) {
  await writeRootfs(binary, join(ROOT, 'dist', 'rootfs'), sysroot)
}

async function compile(
  file: string,
  runtime: Bun.Build.CompileTarget | null,
  bytecodeOrder: string | null,
): Promise<void> {
  await Bun.build({
    ...bundleSettings(),
    bytecode: true,
    compile: {
      outfile: file,
      bytecodeOrder,
      jitPolicy: START_JIT_POLICY,
      // The running Bun is the base unless another one is asked for, so that nothing is downloaded.
      ...(runtime === null ? { executablePath: process.execPath } : { target: runtime }),
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
