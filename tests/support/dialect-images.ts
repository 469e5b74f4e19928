import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DialectName } from '../emulators/engine/dialect.ts'
import type { TestDocker } from './docker.ts'
import { buildFinished } from './emulator-image.ts'
import { buildBareEngineImage, buildEngineImage } from './engine-image.ts'

/** An image of the field, as far as an orchestrator sees it. */
interface Family {
  /** The name in its registry. */
  readonly repository: string
  /** What its tags begin with, where that says what the image is. */
  readonly tagPrefix?: string
  readonly dialect: DialectName
  /** The engine's version. */
  readonly version: string
  /** Whether there is nothing but the engine in it. */
  readonly isBare?: boolean
  /** What its Dockerfile says of the start. The entrypoint of the emulator's image is left out. */
  readonly start: readonly string[]
}

/**
 * The health check of some families: whether port 6878 answers. They ask every 30 s; here it is every second, and Docker says
 * `unhealthy` after 2 s. Whether somebody listens there is all that can be asked without starting a program for each check.
 */
const HEALTHCHECK =
  'HEALTHCHECK --interval=1s --retries=2 CMD ["grep", "-q", ":1ADE 00000000:0000 0A", "/proc/net/tcp"]'

const ACESERVE = [
  'WORKDIR /acestream',
  'CMD ["python", "main.py", "--bind-all", "--live-cache-type", "memory", "--live-mem-cache-size", "104857600"]',
]

const FAMILIES = {
  'http-proxy': {
    repository: 'ghcr.io/krinkuto11/acestream-http-proxy',
    dialect: 'http-proxy',
    version: '3.2.3',
    start: ['ENTRYPOINT ["/app/start-engine"]'],
  },
  martinbjeldbak: {
    repository: 'martinbjeldbak/acestream-http-proxy',
    dialect: 'martinbjeldbak',
    version: '3.2.11',
    start: ['ENV ALLOW_REMOTE_ACCESS=no EXTRA_FLAGS=', 'ENTRYPOINT ["/app/start-engine"]'],
  },
  'jopsis-x64': {
    repository: 'jopsis/acestream',
    tagPrefix: 'x64-',
    dialect: 'arguments',
    version: '3.2.11',
    start: [
      'ENV ACESTREAM_ARGS="--client-console --bind-all"',
      `CMD ["/bin/sh", "-c", "/acestream/start-engine \${ACESTREAM_ARGS}"]`,
      HEALTHCHECK,
    ],
  },
  aceserve: { repository: 'jopsis/aceserve', dialect: 'aceserve', version: '3.2.17', start: ACESERVE },
  'aceserve-checked': {
    repository: 'ghcr.io/krinkuto11/aceserve',
    dialect: 'aceserve',
    version: '3.2.14',
    start: [...ACESERVE, HEALTHCHECK],
  },
  'nano-ace': {
    repository: 'ghcr.io/krinkuto11/nano-ace',
    dialect: 'arguments',
    version: '3.2.11',
    isBare: true,
    start: ['CMD ["/acestream/acestreamengine", "--client-console", "--bind-all"]'],
  },
  'start-engine': {
    repository: 'wafy80/acestream',
    dialect: 'arguments',
    version: '3.2.3',
    start: ['ENTRYPOINT ["/srv/ace/start-engine"]', 'CMD ["--client-console", "--bind-all"]', HEALTHCHECK],
  },
  acelink: {
    repository: 'blaiseio/acelink',
    dialect: 'arguments',
    version: '3.2.3',
    // The entrypoint names a file with these flags.
    start: ['ENTRYPOINT ["/opt/acestream/start-engine", "--bind-all", "--client-console"]', HEALTHCHECK],
  },
  'ubuntu-home': {
    repository: 'smarquezp/docker-acestream-ubuntu-home',
    dialect: 'ubuntu-home',
    version: '3.2.3',
    start: ['ENV INTERNAL_IP=127.0.0.1', 'ENTRYPOINT ["/opt/acestream/start-engine"]'],
  },
  'ubuntu-home-checked': {
    repository: 'smarquezp/docker-acestream-ubuntu-home',
    tagPrefix: 'v3-',
    dialect: 'ubuntu-home-checked',
    version: '3.2.11',
    start: ['ENV HTTP_PORT=6878 HTTPS_PORT=6879', 'ENTRYPOINT ["/opt/acestream/start-engine"]'],
  },
  'engine-arguments': {
    repository: 'magnetikonline/acestream-server',
    dialect: 'arguments',
    version: '3.1.49',
    start: ['ENTRYPOINT ["/start-engine"]', 'CMD ["--client-console"]'],
  },
  vstavrinov: {
    repository: 'vstavrinov/acestream-engine',
    dialect: 'arguments',
    version: '3.2.3',
    start: [
      'WORKDIR /srv/ace',
      'CMD ["/bin/sh", "-c", "mkdir /dev/shm/.ACEStream; ./start-engine --client-console --live-cache-type memory"]',
    ],
  },
  trexx: {
    repository: 'trexx/docker-acestream-engine',
    dialect: 'arguments',
    version: '3.2.11',
    // Its entrypoint runs whatever the command is. There is none.
    start: ['CMD ["/app/start-engine", "--client-console"]'],
  },
} as const satisfies Readonly<Record<string, Family>>

export type FamilyName = keyof typeof FAMILIES

/** Stand-ins for images of the field, under their names. */
export interface DialectImages<Name extends FamilyName> {
  /** The image's name, with a tag of this test run. */
  readonly reference: (name: Name) => string
  /** Removes these tags, and nothing else. No container may use them any more. */
  readonly remove: () => Promise<void>
}

/**
 * Builds stand-ins for these images: the emulator, which reads what the image reads, with the image's own entrypoint,
 * command and health check. That is quick, since they only add settings to the emulator's image.
 *
 * @throws {Error} if Docker cannot be reached, or with the builder's message.
 */
export async function buildDialectImages<Name extends FamilyName>(
  { client, label }: TestDocker,
  names: readonly Name[],
): Promise<DialectImages<Name>> {
  const folder = await mkdtemp(join(tmpdir(), 'roundhouse-dialects-'))
  const usual = await buildEngineImage()
  const bare = await buildBareEngineImage()
  const reference = (name: FamilyName): string => {
    const { repository, tagPrefix = '' }: Family = FAMILIES[name]
    return `${repository}:${tagPrefix}${label.value}`
  }
  const build = async (name: Name): Promise<void> => {
    const family: Family = FAMILIES[name]
    await Bun.write(join(folder, name), dockerfile(family, family.isBare ? bare : usual))
    const options = { t: reference(name), dockerfile: name }
    const stream = await client.buildImage({ context: folder, src: [name] }, options)
    await buildFinished(client, stream, options.t)
  }
  try {
    await Promise.all(names.map(build))
  } finally {
    await rm(folder, { recursive: true })
  }
  const remove = async (): Promise<void> => {
    await Promise.all(names.map((name) => client.getImage(reference(name)).remove()))
  }
  return { reference, remove }
}

const dockerfile = ({ dialect, version, start }: Family, base: string): string =>
  [
    `FROM ${base}`,
    `ENV EMULATOR_DIALECT=${dialect} ENGINE_VERSION=${version}`,
    'ENTRYPOINT []',
    ...start,
    '',
  ].join('\n')
