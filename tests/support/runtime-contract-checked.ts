import type Dockerode from 'dockerode'
import type { ContainerSpec } from '../../src/runtime/runtime.ts'
import type { Checked } from './runtime-contract.ts'
import { PROGRAMS } from './tiny-image.ts'

/** `mov edi, 7` and `mov edi, 0` in x86-64: the exit code of `PROGRAMS.exit`, and that of a check that succeeds. */
const EXITS_WITH_7 = Buffer.from('bf07000000', 'hex')
const EXITS_WITH_0 = Buffer.from('bf00000000', 'hex')

/** Nanoseconds in a millisecond; Docker expects nanoseconds. */
const MS = 1_000_000

/**
 * Creates and starts a container of the tiny image with a health check. The check runs the program `/etc/tiny`, which does
 * not exist at first. It exits with 0 after `pass`, and with 7 after `fail`.
 */
export async function startChecked(client: Dockerode, spec: ContainerSpec): Promise<Checked> {
  const container = await client.createContainer({
    name: spec.name,
    Image: spec.image,
    Labels: { ...spec.labels },
    Healthcheck: {
      Test: ['CMD', '/etc/tiny', ...PROGRAMS.exit.slice(1)],
      ...{ Interval: 500 * MS, Timeout: 5_000 * MS, StartPeriod: 0, Retries: 1 },
    },
  })
  const failing = await archiveOf(container)
  await container.start()
  const put = async (archive: Buffer): Promise<void> => {
    await container.putArchive(archive, { path: '/etc' })
  }
  return { id: container.id, pass: () => put(withExitCode0(failing)), fail: () => put(failing) }
}

/** The program in a tar archive, as Docker returns it. */
async function archiveOf(container: Dockerode.Container): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of await container.getArchive({ path: '/tiny' })) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Changes the program in the archive. The checksum in a tar header does not cover the content. */
function withExitCode0(archive: Buffer): Buffer {
  const patched = Buffer.from(archive)
  const at = patched.indexOf(EXITS_WITH_7)
  if (at < 0) throw new Error('The tiny program has no exit with 7.')
  EXITS_WITH_0.copy(patched, at)
  return patched
}
