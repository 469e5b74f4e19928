import { cp, mkdir, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buildAcexyImage, buildSocketProxyImage } from './compose-images.ts'
import { composeCommand } from './compose-plugin.ts'
import { connectTestDocker } from './docker.ts'
import { CONTROL_PORT } from './emulator-behind.ts'
import { buildEngineImage } from './engine-image.ts'
import { buildGluetunImage } from './gluetun-image.ts'
import { Machine } from './machine.ts'
import { buildOwnImage } from './roundhouse-image.ts'

const ROOT = join(import.meta.dir, '../..')

/** Docker asks an image for its health as often as it says, and the first time after that time. */
const SOON = 'HEALTHCHECK --interval=250ms --timeout=5s --start-period=30s'

/** Engines in one network each need a control port of their own (the real ones have none). */
const ENVIRONMENT = `ENGINE_ENV='{"CONTROL_PORT":"${CONTROL_PORT}"}'`

/** Every image that the documents name, with its stand-in, and what is different in it for the test. */
const IMAGES = {
  'ghcr.io/krinkuto11/acestream-http-proxy:latest': { build: buildEngineImage, changes: '' },
  'ghcr.io/krinkuto11/acexy-orchestrator:latest': { build: buildAcexyImage, changes: '' },
  'tecnativa/docker-socket-proxy:latest': { build: buildSocketProxyImage, changes: '' },
  'qmcgaw/gluetun:v3.41.3': {
    build: buildGluetunImage,
    changes: `${SOON} CMD ["/gluetun-entrypoint", "healthcheck"]`,
  },
  'roundhouse:latest': {
    build: null,
    changes: `ENV ${ENVIRONMENT}\n${SOON} CMD ["/roundhouse", "--healthcheck"]`,
  },
} as const

/**
 * A machine as the documents suppose it: Docker with the compose plugin, a copy of the project, and every image. The images
 * are stand-ins under the names of the real ones, so a test that pulled anything would fail.
 */
export async function openMachineForDocuments(): Promise<Machine> {
  const machine = await Machine.open()
  try {
    const tags = await Promise.all([
      loadImages(machine),
      copyProject(join(machine.folder, 'work')),
      addCompose(join(machine.folder, 'home')),
    ]).then(([loaded]) => loaded)
    const made = Object.entries(IMAGES).map(([name, { changes }], at) => {
      const dockerfile = `FROM ${tags[at]}\n${changes}\n`
      return `docker build --quiet --tag ${name} - <<'END'\n${dockerfile}END\n`
    })
    await machine.run(made.join(''))
    return machine
  } catch (error) {
    await machine.close()
    throw error
  }
}

/** Builds the images on this host and copies them into the machine. Returns their tags in the order of the table. */
async function loadImages(machine: Machine): Promise<readonly string[]> {
  const own = await buildOwnImage(await connectTestDocker())
  try {
    const tags = await Promise.all(Object.values(IMAGES).map(({ build }) => build?.() ?? own.tag))
    await machine.load(tags)
    return tags
  } finally {
    await own.remove()
  }
}

/** Makes the copy of the project anew, without what commands of a document left in it. */
export async function removeMadeFiles(machine: Machine): Promise<void> {
  const folder = join(machine.folder, 'work')
  await rm(folder, { recursive: true })
  await copyProject(folder)
}

/** Copies what git knows, and nothing that was made here, but for the installed packages. */
async function copyProject(folder: string): Promise<void> {
  const listed = Bun.spawnSync(['git', 'ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
  })
  const files = listed.stdout.toString().trim().split('\n')
  for (const each of new Set(files.map(dirname))) await mkdir(join(folder, each), { recursive: true })
  // A file that was deleted and not yet committed is still listed.
  await Promise.all(files.map((file) => cp(join(ROOT, file), join(folder, file)).catch(() => undefined)))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
}

/** Gives the machine's `docker` the compose plugin, where this host has it in no folder of its own. */
async function addCompose(home: string): Promise<void> {
  const [program = 'docker'] = await composeCommand()
  if (program === 'docker') return
  const plugins = join(home, '.docker/cli-plugins')
  await mkdir(plugins, { recursive: true })
  await symlink(program, join(plugins, 'docker-compose'))
}
