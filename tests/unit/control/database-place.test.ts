import { afterEach, describe, expect, test } from 'bun:test'
import { remotenessOf } from '../../../src/core/reporting/database-place.ts'
import { fileSystemOf } from '../../../src/wire/doctor/database-facts.ts'
import { Rig } from '../../support/rig.ts'

/* What users are told about the file system of their database, by the table of mounts. */

let rig: Rig | null = null
afterEach(async () => {
  await rig?.dispose()
  rig = null
})

/** A table of mounts as the kernel writes it, in which /data is another file system than the rest. */
const tableOf = (type: string, source: string) => `22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
31 22 0:40 / /data rw,relatime shared:9 - ${type} ${source} rw
`

/** The warnings at the start of an installation with this table of mounts. */
async function warningsWith(table: string) {
  rig = new Rig()
  const around = {
    now: () => 0,
    hostname: 'nas',
    read: (path: string) => (path.endsWith('/mountinfo') ? table : ''),
  }
  rig.database.fileSystem = fileSystemOf(rig.database.path, around)
  await rig.start()
  const { warnings } = await rig.json<{
    warnings: readonly { code: string; message: string; remedy: string }[]
  }>('GET', '/orchestrator/status')
  return warnings.filter(({ code }) => code === 'database_place')
}

describe('a database', () => {
  test.each([
    ['nfs4', '10.0.0.2:/export'],
    ['nfs', 'nas:/data'],
    ['cifs', '//nas/share'],
    ['smb3', '//nas/share'],
    ['fuse.sshfs', 'me@nas:/data'],
  ])('on %s starts, and is told with the remedy', async (type, source) => {
    expect(await warningsWith(tableOf(type, source))).toMatchObject([
      {
        message: expect.stringContaining(`/data/a.db lies on ${type}, a file system of a network`),
        remedy: expect.stringContaining('a local disk in DB_URL'),
      },
    ])
    expect((await rig?.json<{ status: string }>('GET', '/readyz'))?.status).toBe('ready')
  })

  test.each(['9p', 'virtiofs'])('on %s may lie on another system, which is told', async (type) => {
    expect(await warningsWith(tableOf(type, 'share'))).toMatchObject([
      {
        message: expect.stringContaining(`lies on ${type}, a folder that is shared`),
        remedy: expect.stringContaining('a volume of Docker'),
      },
    ])
  })

  test.each([
    tableOf('ext4', '/dev/sdb1'),
    tableOf('overlay', 'overlay'),
    tableOf('fuseblk', '/dev/sdc1'),
    '',
  ])('on a disk of the machine, or on what is not known, is no news: %j', async (table) =>
    expect(await warningsWith(table)).toEqual([]),
  )

  test('is told once in the log and stands in the summary of the start', async () => {
    await warningsWith(tableOf('nfs4', 'nas:/x'))
    await rig?.clock.advance(10_000)
    const lines = rig?.logged.filter((line) => line.includes('database_place')) ?? []
    expect(lines.filter((line) => !line.startsWith('ready'))).toHaveLength(1)
    expect(lines.filter((line) => line.startsWith('ready'))).toHaveLength(1)
  })
})

test.each<[ReturnType<typeof remotenessOf>, readonly string[]]>([
  [
    'local',
    ['ext4', 'xfs', 'btrfs', 'zfs', 'f2fs', 'tmpfs', 'overlay', 'fuse.mergerfs', 'fuse.shfs', 'nfsd'],
  ],
  ['shared', ['9p', 'virtiofs', 'vboxsf', 'prl_fs', 'fakeowner', 'fuse.grpcfuse', 'fuse.vmhgfs-fuse']],
  ['network', ['nfs', 'nfs4', 'cifs', 'smb3', 'smbfs', 'ceph', 'fuse.ceph-fuse', 'fuse.rclone', 'lustre']],
])('%s file systems are known as such', (kind, types) => {
  expect(types.filter((type) => remotenessOf(type) !== kind)).toEqual([])
})
