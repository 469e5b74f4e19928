import { chmod, copyFile, link, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }

/** Every user may write here, and removes only what is his: the image does not know which user it will run as. */
const STICKY = 0o1777

/** What Bun's runtime for arm64 is linked with. */
const ARM64_LIBRARIES = ['ld-linux-aarch64.so.1', 'libc.so.6', 'libpthread.so.0', 'libdl.so.2', 'libm.so.6']

/**
 * Writes a root filesystem in which the binary runs: the binary, its shared libraries, `/data` and `/tmp`. What was in the
 * folder is removed. The libraries are those of this machine, or, with a `sysroot`, those of arm64 in its `lib`.
 *
 * @throws {Error} if a library cannot be found.
 */
export async function writeRootfs(binary: string, folder: string, sysroot: string | null): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  for (const [from, to] of sysroot === null ? ownLibraries(binary) : arm64Libraries(sysroot)) {
    await mkdir(join(folder, dirname(to)), { recursive: true })
    await copyFile(from, join(folder, to))
  }
  for (const name of ['data', 'tmp']) {
    await mkdir(join(folder, name))
    await chmod(join(folder, name), STICKY)
  }
  // Linked, since a copy takes as long as the build.
  await link(binary, join(folder, packageJson.name))
  await chmod(binary, 0o755)
}

/** The files that the dynamic linker loads for the binary, including the linker itself, and where it looks for them. */
function ownLibraries(binary: string): [from: string, to: string][] {
  const { stdout, success } = Bun.spawnSync(['ldd', binary])
  if (!success) throw new Error('ldd could not tell the libraries of the binary')
  return [...stdout.toString().matchAll(/(?<path>\/\S+) \(0x/g)].map(([, path = '']) => [path, path])
}

const arm64Libraries = (sysroot: string): [from: string, to: string][] =>
  ARM64_LIBRARIES.map((name) => [join(sysroot, 'lib', name), `/lib/${name}`])
