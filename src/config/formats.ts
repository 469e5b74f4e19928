/** Kinds of settings whose text has its own format: ranges, labels, addresses, sizes. */
import { isIP } from 'node:net'
import { IMAGE_REFERENCE } from '../core/engines/image.ts'
import { isReservedLabel, type Label, RESERVED_PREFIXES } from '../core/engines/labels.ts'
import type { PortRange } from '../core/engines/ports.ts'
import { type Kind, port, text } from './kinds.ts'

/** A range of ports, `first-last`, or a single port. */
export const portRange: Kind<PortRange> = {
  type: 'first-last',
  expects: 'a range such as 19000-19999, within 1 to 65535, the lower port first',
  parse: (given) => {
    const [, from, to] = /^(\d+)\s*(?:-\s*(\d+))?$/.exec(given) ?? []
    const first = port.parse(from ?? '')
    const last = port.parse(to ?? from ?? '')
    return first !== undefined && last !== undefined && first <= last ? { first, last } : undefined
  },
  format: ({ first, last }) => `${first}-${last}`,
}

/** A label `key=value`, split at the first "=", so that the value may contain more of them. */
export const label: Kind<Label> = {
  type: 'key=value',
  expects: `key=value, with a key that begins with none of ${RESERVED_PREFIXES.join(' ')} (such as orchestrator.managed=acestream)`,
  parse: (given) => {
    const [, key, value] = /^([^=\s]+)=(.+)$/s.exec(given) ?? []
    if (key === undefined || value === undefined || isReservedLabel(key)) return undefined
    return { key, value }
  },
  format: ({ key, value }) => `${key}=${value}`,
}

/**
 * The file of an SQLite database, in the notation of SQLAlchemy: three slashes for a relative path, four for an absolute
 * one.
 */
export const sqliteUrl: Kind<{ readonly path: string }> = {
  type: 'sqlite URL',
  expects:
    'sqlite:///relative/path or sqlite:////absolute/path; a database in memory (:memory:) cannot be used, ' +
    'because engines have to be known again after a restart',
  parse: (given) => {
    const path = /^sqlite:\/\/\/(.+)$/.exec(given)?.[1]
    return path === undefined || path.includes(':memory:') || path.endsWith('/') ? undefined : { path }
  },
  format: ({ path }) => `sqlite:///${path}`,
}

/** The address of a Docker Engine. SSH and TLS are not supported; use a tunnel or proxy for them. */
export const dockerHost: Kind<string> = text(
  'address',
  /^(unix:\/\/)?\/[^/].*$|^tcp:\/\/[^\s/:]+:\d+\/?$|^tcp:\/\/\[[0-9a-fA-F:]+\]:\d+\/?$/,
  'unix:///path/of/docker.sock or tcp://host:port (not ssh: forward the socket instead)',
)

/** A network that engines are attached to. In `host`, `none` and `container:…` engines cannot each have their own ports. */
export const networkName: Kind<string> = text(
  'name',
  /^(?!host$|none$)[a-zA-Z0-9][\w.-]*$/,
  'the name of a Docker network, or auto; host and none cannot be used, because every engine needs a network ' +
    'namespace of its own',
)

/** A container's name, in the form that Docker allows. */
export const containerName: Kind<string> = text('name', /^[a-zA-Z0-9][\w.-]*$/, 'the name of a container')

/** A host name or an IP address (IPv6 without brackets). */
export const hostAddress: Kind<string> = text(
  'host',
  /^[a-zA-Z0-9]([\w.-]*[\w.])?$|^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/,
  'a host name or an IP address, without scheme and port',
)

/** A host name as it appears in requests, without scheme and port. */
export const hostName: Kind<string> = text(
  'host',
  /^[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*\.?$/,
  'a host name such as roundhouse.example.com, without scheme and port',
)

export const imageReference: Kind<string> = text(
  'image',
  IMAGE_REFERENCE,
  'an image such as ghcr.io/krinkuto11/acestream-http-proxy:latest, the repository in lower case',
)

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
}

/** Docker Engine refuses a memory limit below this. */
const LOWEST_MEMORY_BYTES = 6 * 1024 ** 2

/** Bytes in the notation of `docker run --memory`: a whole number with b, k, m or g, or without a unit for bytes. */
function bytes(lowest: number, inWords: string): Kind<number> {
  return {
    type: 'size',
    expects: `a size such as 512m or 2g (b, k, m, g), at least ${inWords}`,
    unit: 'bytes',
    parse: (given) => {
      const [, digits = '', unit = ''] = /^(\d+)([bkmg]?)b?$/.exec(given.toLowerCase()) ?? []
      const size = digits === '' ? 0 : Number(digits) * (BYTES_PER_UNIT[unit] ?? 1)
      return size >= lowest && Number.isSafeInteger(size) ? size : undefined
    },
    format: String,
  }
}

export const memoryBytes: Kind<number> = bytes(LOWEST_MEMORY_BYTES, '6m')

/** The size of a folder in memory. A folder smaller than a page cannot hold anything. */
export const folderBytes: Kind<number> = bytes(64 * 1024, '64k')

/** The address of a name server. */
export const ipAddress: Kind<string> = {
  type: 'address',
  expects: 'an IP address',
  parse: (given) => (isIP(given) === 0 ? undefined : given),
  format: String,
}

/** An address that ports are published on. Docker accepts no name and no zone there. */
export const publishAddress: Kind<string> = {
  type: 'address',
  expects:
    'an IPv4 or IPv6 address of the Docker host, without a port (127.0.0.1 for this host alone, 0.0.0.0 for all)',
  parse: (given) => (isIP(given) === 0 || given.includes('%') ? undefined : given),
  format: String,
}

/** A security option of Docker. `no-new-privileges` is always set, and cannot be taken away. */
export const securityOption: Kind<string> = text(
  'option',
  /^(?:seccomp=(?:unconfined|builtin)|apparmor=[\w.-]+|label[=:][\w.:-]+)$/,
  'seccomp=unconfined, seccomp=builtin, apparmor=PROFILE or label=WHAT (no-new-privileges is always set)',
)

/** A folder in a container that may be emptied. It is never the root, and its path has no segment that leads elsewhere. */
export const cachePath: Kind<string> = text(
  'path',
  /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+\/?$/,
  'an absolute path without . and .. in it, such as /home/appuser/.ACEStream/.acestream_cache, and not the root',
)

/** A key of ours or of Gluetun's. Other characters cannot be in a header, or readers of the header disagree about them. */
export const apiKey: Kind<string> = text(
  'key',
  /^[!-~](?:[ -~]*[!-~])?$/,
  'a key that is not blank, of printable ASCII characters (it has to stand in a header)',
)

export const password: Kind<string> = text('text', /\S/, 'a text that is not blank')

/** The path of a file. Whether the file exists is found out when it is read. */
export const filePath: Kind<string> = text('path', /./s, 'the path of a file, such as /run/secrets/api_key')

/** Any text that is not empty. */
export const folderPath: Kind<string> = text('path', /./s, 'the path of a folder, such as /certs/client')

export const anyText: Kind<string> = text('text', /./s, 'a text that is not empty')
