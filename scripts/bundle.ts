/** What the binary is bundled from, and how: for the build, and for the notices of what is in it. */
import { join } from 'node:path'
import type { BunPlugin } from 'bun'

export const ROOT = join(import.meta.dir, '..')

/** The bundler's settings without an output: every module that the binary can ever run is an input of it. */
export function bundleSettings(): Bun.BuildConfig {
  // A worker is started by its path, which the bundler does not follow: it has to be an entry point of its own.
  const workers = [...new Bun.Glob('src/workers/**/*.worker.ts').scanSync(ROOT)].sort()
  return {
    entrypoints: ['src/main.ts', ...workers].map((file) => join(ROOT, file)),
    root: join(ROOT, 'src'),
    target: 'bun',
    format: 'esm',
    // Never identifiers: Elysia compares names of classes, and would let invalid requests pass.
    minify: { whitespace: true, syntax: true, identifiers: false },
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [withoutAddons],
  }
}

/**
 * Addons that ssh2 takes where they are there; dockerode uses ssh2 for ssh:// only. Left out of the bundle as external, they would
 * be looked for at run time, in node_modules of the folder that the binary is started in, and run by whoever put them there.
 */
const ADDONS = /^cpu-features$|\/sshcrypto\.node$/

const withoutAddons: BunPlugin = {
  name: 'without addons',
  setup(build) {
    build.onResolve({ filter: ADDONS }, ({ path }) => ({ path, namespace: 'absent' }))
    build.onLoad({ filter: /./, namespace: 'absent' }, () => ({
      contents: "throw new Error('not in this binary')",
      loader: 'js',
    }))
  },
}
