import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

const RUN_DIR = join(import.meta.dir, '../../.run')
const UNPACKED = join(RUN_DIR, 'compose')
const PLUGIN = 'usr/libexec/docker/cli-plugins/docker-compose'

/** The first Debian whose docker-compose is the plugin; it needs only libc, so it runs on the release before, too. */
const RELEASE = 'trixie'

/**
 * The command that runs Docker's compose plugin: that of this machine, or Debian's, which is unpacked below .run and not
 * installed. Throws with the remedy if there is none, because files that nobody tried would look like working ones.
 */
export async function composeCommand(): Promise<readonly string[]> {
  const installed = Bun.spawnSync(['docker', 'compose', 'version'], { stdout: 'ignore', stderr: 'ignore' })
  if (installed.success) return ['docker', 'compose']
  const program = join(UNPACKED, PLUGIN)
  if (!existsSync(program)) await unpack()
  return [program]
}

async function unpack(): Promise<void> {
  await mkdir(RUN_DIR, { recursive: true })
  const folder = await mkdtemp(join(RUN_DIR, 'compose.'))
  try {
    const archive = await debianArchive()
    await mkdir(join(folder, 'lists/partial'), { recursive: true })
    await mkdir(join(folder, 'cache/archives/partial'), { recursive: true })
    await Bun.write(
      join(folder, 'sources.list'),
      `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${archive} ${RELEASE} main\n`,
    )
    // Lists of its own: those of the system may be of another release, and stay as they are.
    const own = {
      'Dir::Etc::sourcelist': join(folder, 'sources.list'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State::lists': join(folder, 'lists'),
      'Dir::Cache': join(folder, 'cache'),
      'APT::Sandbox::User': 'root',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
      'Acquire::Languages': 'none',
    }
    const options = Object.entries(own).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    await run(['apt-get', '-qq', ...options, 'update'], folder)
    await run(['apt-get', '-qq', ...options, 'download', 'docker-compose'], folder)
    const [deb = ''] = await Array.fromAsync(new Bun.Glob('docker-compose_*.deb').scan(folder))
    await run(['dpkg', '-x', deb, 'root'], folder)
    await putInPlace(join(folder, 'root'))
  } catch (cause) {
    throw new Error(
      `These tests need "docker compose", which this machine lacks, and Debian's could not be got: ${cause}`,
      { cause },
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Another file of tests, in a process of its own, may have unpacked it meanwhile. */
async function putInPlace(folder: string): Promise<void> {
  try {
    await rename(folder, UNPACKED)
  } catch (error) {
    if (!existsSync(join(UNPACKED, PLUGIN))) throw error
  }
}

/** Where this machine gets Debian's packages from, without those of the security team and of third parties. */
async function debianArchive(): Promise<string> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)'
  const targets = await run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages'], RUN_DIR)
  const found = targets.split('\n').find((line) => /^\S+\/debian\/? [a-z]+ main$/.test(line))
  if (found === undefined) throw new Error('apt knows no archive of Debian')
  return found.split(' ')[0] ?? ''
}

async function run(command: readonly string[], cwd: string): Promise<string> {
  const child = Bun.spawn([...command], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${errors}`)
  return output
}
