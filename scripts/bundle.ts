/** What the binary is bundled from, and how. The build and the notices of the binary's contents use this. */
import { join } from 'node:path'
import type { BunPlugin } from 'bun'

export const ROOT = join(import.meta.dir, '..')

/** The bundler's settings without an output. Every module that the binary can ever run is one of their inputs. */
export function bundleSettings(): Bun.BuildConfig {
  // A worker is started by its path, which the bundler does not follow, so it has to be an entry point of its own.
  const workers = [...new Bun.Glob('src/workers/**/*.worker.ts').scanSync(ROOT)].sort()
  return {
    entrypoints: ['src/main.ts', ...workers].map((file) => join(ROOT, file)),
    root: join(ROOT, 'src'),
    target: 'bun',
    format: 'esm',
    // Identifiers are never minified: Elysia compares names of classes, and would let invalid requests pass.
    minify: { whitespace: true, syntax: true, identifiers: false },
    define: {
      'process.env.NODE_ENV': '"production"',
      'process.env.ROUNDHOUSE_COMMIT': JSON.stringify(commit()),
    },
    plugins: [withoutUnused],
  }
}

/**
 * The commit that is built, `+` for changes beside it. A build without the repository, as in an image, is told it by its
 * environment.
 */
function commit(): string {
  const told = process.env.ROUNDHOUSE_COMMIT
  if (told !== undefined && told !== '') return told
  try {
    const git = (...args: string[]) =>
      Bun.spawnSync(['git', ...args], { cwd: ROOT })
        .stdout.toString()
        .trim()
    const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+'
    return `${git('rev-parse', 'HEAD') || 'unknown'}${changed}`
  } catch {
    return 'unknown'
  }
}

/**
 * Packages that libraries load at their start for what we never do: connections over ssh:// (ssh2), builds of images (the
 * next five), and another page of the API. They would be a third of the code that every start and every worker loads. In the
 * binary they are empty, so that what needs them fails. Nor can it look for the addons that ssh2 uses if they exist: it would
 * do so at run time in node_modules of the folder that it starts in, and would run whatever somebody put there.
 */
const UNUSED =
  /^(?:ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|tar-fs|@balena\/dockerignore|@scalar\/themes)$/

const withoutUnused: BunPlugin = {
  name: 'without unused packages',
  setup(build) {
    build.onResolve({ filter: UNUSED }, ({ path }) => ({ path, namespace: 'unused' }))
    build.onLoad({ filter: /./, namespace: 'unused' }, () => ({
      contents: 'module.exports = {}',
      loader: 'js',
    }))
  },
}
