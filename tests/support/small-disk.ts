import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

/** A file system of its own, for a database that runs out of space or loses its disk. It needs root. */
export interface SmallDisk {
  readonly folder: string
  /** Fills the disk to the last byte. */
  fill(): void
  /** Removes what `fill` wrote. */
  free(): void
  dispose(): void
}

const run = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8' }).trim()

/** Makes a file system of this many bytes in memory. */
export function smallDisk(bytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-disk-'))
  run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder)
  const filler = join(folder, 'filler')
  return {
    folder,
    fill: () => fillWith(filler),
    free: () => rmSync(filler, { force: true }),
    dispose: () => {
      run('umount', '-l', folder)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Mounts an empty file system that nobody may write to over a folder. Returns what takes it away. */
export function readOnlyOver(folder: string): () => void {
  run('mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', folder)
  return () => void run('umount', '-l', folder)
}

/** A disk that the kernel makes read-only after an error, as most disks are mounted. */
export interface FailingDisk {
  readonly folder: string
  /** Causes an error on the disk. */
  fail(): void
  dispose(): void
}

/** Makes an ext4 file system in a file. */
export function failingDisk(): FailingDisk {
  const base = mkdtempSync(join(tmpdir(), 'roundhouse-disk-'))
  const image = join(base, 'image')
  const folder = join(base, 'mounted')
  run('truncate', '-s', '16M', image)
  run('mkfs.ext4', '-q', '-F', image)
  run('mkdir', folder)
  run('mount', '-o', 'loop,errors=remount-ro', image, folder)
  const device = basename(run('findmnt', '-n', '-o', 'SOURCE', folder))
  return {
    folder,
    fail: () => writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, '1'),
    dispose: () => {
      run('umount', '-l', folder)
      rmSync(base, { recursive: true, force: true })
    },
  }
}

function fillWith(path: string): void {
  const file = openSync(path, 'a')
  try {
    for (const bytes of [65_536, 4_096, 1]) while (writes(file, bytes));
  } finally {
    closeSync(file)
  }
}

function writes(file: number, bytes: number): boolean {
  try {
    return writeSync(file, new Uint8Array(bytes)) === bytes
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false
    throw error
  }
}
