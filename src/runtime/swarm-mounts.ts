import { type ContainerSpec, RuntimeFailure } from './runtime.ts'

/** A mount as a swarm expects it. */
interface Mount {
  readonly Type: 'bind' | 'volume' | 'tmpfs'
  readonly Source?: string
  readonly Target: string
  readonly ReadOnly?: true
  readonly BindOptions?: { readonly Propagation: string }
  readonly VolumeOptions?: { readonly NoCopy: true }
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number }
}

const PROPAGATIONS = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']

/** What a Docker Engine mounts into memory by itself, with its own size. */
const SHARED_MEMORY = '/dev/shm'

/**
 * The mounts of a container. A swarm has no short form of them as Docker has, and takes fewer options: throws RuntimeFailure
 * `refused` for one that it has no word for.
 */
export function toMounts({ volumes = [], tmpfs = {}, shmBytes }: ContainerSpec): Mount[] {
  const folders = shmBytes === undefined ? tmpfs : { [SHARED_MEMORY]: `size=${shmBytes}`, ...tmpfs }
  return [...volumes.map(toVolume), ...Object.entries(folders).map(toTmpfs)]
}

function toVolume(volume: string): Mount {
  const [Source = '', Target = '', options = ''] = volume.split(':')
  const isBind = Source.startsWith('/')
  const given = optionsOf(options).map((option): Partial<Mount> => {
    if (option === 'rw') return {}
    if (option === 'ro') return { ReadOnly: true }
    if (isBind && PROPAGATIONS.includes(option)) return { BindOptions: { Propagation: option } }
    if (!isBind && option === 'nocopy') return { VolumeOptions: { NoCopy: true } }
    throw unknownOption(option, volume)
  })
  return Object.assign({ Type: isBind ? 'bind' : 'volume', Source, Target } as const, ...given)
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

function toTmpfs([Target, options]: readonly [string, string]): Mount {
  const given = optionsOf(options).map((option): Mount['TmpfsOptions'] => {
    const [, size, unit = ''] = /^size=(\d+)([kmg]?)$/i.exec(option) ?? []
    if (size !== undefined) return { SizeBytes: Number(size) * (UNITS[unit.toLowerCase()] ?? 1) }
    const mode = /^mode=([0-7]{1,4})$/.exec(option)?.[1]
    if (mode !== undefined) return { Mode: Number.parseInt(mode, 8) }
    throw unknownOption(option, `${Target}:${options}`)
  })
  return { Type: 'tmpfs', Target, ...(given.length > 0 && { TmpfsOptions: Object.assign({}, ...given) }) }
}

const optionsOf = (options: string): string[] => options.split(',').filter((option) => option !== '')

function unknownOption(option: string, mount: string): RuntimeFailure {
  const message = `A swarm has no option "${option}" for the mount ${mount}: leave it out.`
  return new RuntimeFailure('refused', message)
}
