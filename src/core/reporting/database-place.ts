import type { Warning } from './warnings.ts'

/** Where a database lies. */
export interface DatabasePlace {
  readonly path: string
  /** The type of the file system, as the table of mounts has it, such as `ext4`; null if it is not known. */
  readonly fileSystem: string | null
}

/** File systems of a network: their locks may not hold, and SQLite's documents exclude its log (WAL) from them. */
const OF_A_NETWORK =
  /^(?:nfs\d?|cifs|smb\d?|smbfs|afs|ceph|lustre|gpfs|beegfs|fuse\.(?:sshfs|glusterfs|s3fs|rclone|davfs2?|gcsfuse|juicefs|ceph(?:-fuse)?))$/

/** Folders that a virtual machine shares with the system around it, as Docker Desktop does. */
const SHARED = /^(?:9p|virtiofs|vboxsf|prl_fs|fakeowner|fuse\.(?:grpcfuse|osxfs|vmhgfs-fuse))$/

/** Whether a file system is one of a network, or one that is shared with another system. */
export function remotenessOf(fileSystem: string): 'local' | 'shared' | 'network' {
  if (OF_A_NETWORK.test(fileSystem)) return 'network'
  return SHARED.test(fileSystem) ? 'shared' : 'local'
}

/**
 * What may happen to a database where it lies; null where nothing is to be feared. It is no reason not to start: a single
 * process on a single machine, the usual case, gets along there, and engines are found again without a database.
 */
export function placeWarning({ path, fileSystem }: DatabasePlace): Warning | null {
  switch (fileSystem === null ? 'local' : remotenessOf(fileSystem)) {
    case 'network':
      return {
        message:
          `the database ${path} lies on ${fileSystem}, a file system of a network, where SQLite's locks and its log may not hold: ` +
          'a second process may write to it too, and data may be lost or damaged',
        remedy: 'name a file on a local disk in DB_URL (a volume of Docker will do)',
      }
    case 'shared':
      return {
        message: `the database ${path} lies on ${fileSystem}, a folder that is shared with another system, where locks may not hold`,
        remedy: 'name a file on a volume of Docker in DB_URL',
      }
    default:
      return null
  }
}
