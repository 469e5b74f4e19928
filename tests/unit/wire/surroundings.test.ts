import { afterEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseFacts } from '../../../src/wire/doctor/database-facts.ts'
import { listeningPorts } from '../../../src/wire/doctor/port-facts.ts'
import { mountOf, ownContainer, ownGateway } from '../../../src/wire/doctor/surroundings.ts'

const ID = 'ab12'.repeat(16)

/** Lines of a table of mounts, as the kernel writes them. */
const HOST = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
41 27 0:40 / /mnt/my\\040nas rw,relatime shared:9 - nfs4 10.0.0.2:/export rw,vers=4.2
42 41 0:41 / /mnt/my\\040nas/local rw - xfs /dev/sdb1 rw
43 27 0:42 / /mnt/over rw - ext4 /dev/sdc1 rw
44 43 0:43 / /mnt/over rw - cifs //nas/share rw
60 27 0:50 / /var/lib/docker/containers/${ID}/mounts/shm rw - tmpfs shm rw
`

const INSIDE = `300 200 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/a
310 300 8:1 /var/lib/docker/containers/${ID}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw
311 300 8:1 /var/lib/docker/volumes/data/_data /data rw,relatime - ext4 /dev/sda1 rw
`

const around = (mounts: string, hostname = 'nas') => ({
  now: () => 0,
  read: (path: string) => (path === '/proc/self/mountinfo' ? mounts : ''),
  hostname,
})

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function folder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'roundhouse-doctor-')))
  folders.push(path)
  return path
}

describe('a mount', () => {
  test.each([
    ['/srv/a.db', 'ext4'],
    ['/mnt/my nas', 'nfs4'],
    ['/mnt/my nas/a.db', 'nfs4'],
    ['/mnt/my nastier/a.db', 'ext4'],
    ['/mnt/my nas/local/a.db', 'xfs'],
    ['/mnt/over/a.db', 'cifs'],
  ])('over %s is %s', (path, type) => expect(mountOf(HOST, path)?.type).toBe(type))

  test('is not known without a table', () => expect(mountOf('', '/a')).toBeNull())
})

describe('our own container', () => {
  test('is told by the files that Docker mounts', () => expect(ownContainer(around(INSIDE))).toBe(ID))
  test('is not one of those that the host mounts', () => expect(ownContainer(around(HOST))).toBeNull())
  test('is told by the files that Podman mounts', () => {
    const podman = `/var/lib/containers/storage/overlay-containers/${ID}/userdata/hostname /etc/hostname rw - ext4 /dev/sda1 rw`
    expect(ownContainer(around(`310 300 8:1 ${podman}\n`))).toBe(ID)
  })
  test.each([
    `12:memory:/docker/${ID}`,
    `0::/docker/${'cd34'.repeat(16)}/docker/${ID}`,
    `1:name=systemd:/system.slice/docker-${ID}.scope`,
    `0::/machine.slice/libpod-${ID}.scope/container`,
  ])('is told by its control group %s', (line) => {
    const read = (path: string) => (path === '/proc/self/cgroup' ? `${line}\n` : '')
    expect(ownContainer({ ...around(''), read })).toBe(ID)
  })
  test.each(['0::/', '0::/user.slice/user-1000.slice/session-2.scope', '12:memory:/docker'])(
    'is none by the control group %s',
    (line) => {
      const read = (path: string) => (path === '/proc/self/cgroup' ? `${line}\n` : '')
      expect(ownContainer({ ...around(''), read })).toBeNull()
    },
  )
  test('may be told by the name of the host', () =>
    expect(ownContainer(around('', ID.slice(0, 12)))).toBe(ID.slice(0, 12)))
})

describe('our way out', () => {
  const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
  const LOCAL = 'eth0\t000014AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n'
  const gatewayOf = (table: string) =>
    ownGateway({ read: (path) => (path === '/proc/net/route' ? table : '') })

  test('leads through the gateway of the row without a target', () =>
    expect(gatewayOf(`${HEAD}${LOCAL}eth1\t00000000\t010015AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`)).toBe(
      '172.21.0.1',
    ))
  test.each([
    ['in an internal network', `${HEAD}${LOCAL}`],
    ['without a table', ''],
  ])('is not there %s', (_, table) => expect(gatewayOf(table)).toBeNull())
})

describe('a database', () => {
  test('lies on what its folder is mounted from, after all links', () => {
    const place = folder()
    const link = join(folder(), 'link')
    symlinkSync(place, link)
    const table = `${HOST}90 27 0:90 / ${place} rw - nfs 10.0.0.2:/data rw\n`
    expect(databaseFacts(join(link, 'a.db'), around(table)).fileSystem).toBe('nfs')
  })

  test('may lie in the container itself, or on a volume of it', () => {
    const place = join(folder(), 'a.db')
    expect(databaseFacts(place, around(INSIDE)).fileSystem).toBe('container')
    const table = `${INSIDE}90 27 0:90 / ${join(place, '..')} rw - ext4 /dev/sda1 rw\n`
    expect(databaseFacts(place, around(table)).fileSystem).toBe('ext4')
    // The root of a machine may be an overlay as well, as of a live system.
    const live = INSIDE.split('\n')[0] ?? ''
    expect(databaseFacts(place, around(live)).fileSystem).toBe('overlay')
  })

  test('may have no folder, or something else in its place', () => {
    const place = folder()
    expect(databaseFacts(join(place, 'none/a.db'), around(''))).toMatchObject({
      ...{ folder: 'missing', file: 'none', freeBytes: null, content: null, lock: 'free' },
    })
    writeFileSync(join(place, 'file'), '')
    expect(databaseFacts(join(place, 'file/a.db'), around('')).folder).toBe('no_folder')
    mkdirSync(join(place, 'a.db'))
    expect(databaseFacts(join(place, 'a.db'), around('')).file).toBe('no_file')
    writeFileSync(join(place, 'b.db'), 'no database')
    expect(databaseFacts(join(place, 'b.db'), around('')).content).toMatchObject({
      ...{ kind: 'unreadable', why: expect.stringContaining('its file is damaged') },
    })
  })
})

test('what listens in this network is read from the tables of the kernel', () => {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } })
  const read = (path: string) => (path.startsWith('/proc/net') ? tables(server.port) : '')
  expect([...(listeningPorts({ ...around(''), read }) ?? [])]).toEqual([server.port])
  server.stop(true)
  expect(listeningPorts(around(''))).toBeNull()
})

/** The first table with a listener at the port and a connection from another. */
function tables(port: number): string {
  const at = (each: number) => `0100007F:${each.toString(16).toUpperCase().padStart(4, '0')}`
  return `  sl  local_address rem_address   st tx_queue
   0: ${at(port)} 00000000:0000 0A 00000000:00000000
   1: ${at(40_000)} ${at(port)} 01 00000000:00000000
`
}
