import { IMAGE_REFERENCE } from '../core/image.ts'
import { isReservedLabel } from '../core/labels.ts'
import { FIXED_PORTS, holds, neededBesides, type PortRange, rangeText } from '../core/ports.ts'
import type { EngineRequest } from '../core/types.ts'
import type { PublishedPort } from '../runtime/runtime.ts'
import { InvalidRequest } from './errors.ts'
import type { GenericRequest } from './generic.ts'
import { type EngineTemplate, RESERVED_ENV } from './template.ts'

type FieldError = InvalidRequest['fields'][number]

/** The ranges that a `host_port` has to suit. */
export interface RequestRanges {
  /** The ports that VPN nodes publish; none without a VPN. */
  readonly vpn: readonly PortRange[]
  readonly https: PortRange
}

/** Throws InvalidRequest naming every field that would contradict what we set ourselves. */
export function checkEngineRequest(
  request: EngineRequest,
  template: EngineTemplate,
  ranges: RequestRanges,
): EngineRequest {
  const reserved = Object.keys(request.env).filter((name) => RESERVED_ENV.some((ours) => ours === name))
  raise([
    ...imageErrors(request.image),
    ...portErrors(request.hostPort, ranges),
    ...reserved.map((name) => ({
      path: ['body', 'env', name],
      message: `${name} follows from the port; use host_port`,
    })),
    ...envErrors(request.env),
    ...labelErrors(request.labels, template),
  ])
  return request
}

/** Like `checkEngineRequest`, for containers that are no engines; `ports` are as `80/tcp: 8080`. */
export function genericRequest(
  given: Omit<GenericRequest, 'ports'> & { readonly ports: Readonly<Record<string, number>> },
  template: EngineTemplate,
): GenericRequest {
  const ports = Object.entries(given.ports).map(([key, hostPort]) => ({
    key,
    port: publishedPort(key, hostPort),
  }))
  raise([
    ...imageErrors(given.image),
    ...ports
      .filter(({ port }) => port === null)
      .map(({ key }) => ({
        path: ['body', 'ports', key],
        message: 'must be a port from 1 to 65535, with /tcp or /udp behind it if need be',
      })),
    ...envErrors(given.env),
    ...labelErrors(given.labels, template),
  ])
  return { ...given, ports: ports.flatMap(({ port }) => port ?? []) }
}

function publishedPort(key: string, hostPort: number): PublishedPort | null {
  const [, digits = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(key) ?? []
  const containerPort = Number(digits)
  if (containerPort < 1 || containerPort > 65_535) return null
  return { containerPort, hostPort, protocol: protocol === 'udp' ? 'udp' : 'tcp' }
}

function portErrors(port: number | null, { vpn, https }: RequestRanges): FieldError[] {
  if (port === null) return []
  const message = vpn.length === 0 ? besidesError(port, https) : vpnError(port, vpn)
  return message === null ? [] : [{ path: ['body', 'host_port'], message }]
}

const vpnError = (port: number, vpn: readonly PortRange[]): string | null =>
  vpn.some((range) => holds(range, port))
    ? null
    : `must be a port of GLUETUN_PORT_RANGE (${vpn.map(rangeText).join(',')}), since engines are behind a VPN`

/** No port of an engine can be another one of its own. */
function besidesError(port: number, https: PortRange): string | null {
  if (!neededBesides(https).includes(port)) return null
  return FIXED_PORTS.includes(port)
    ? `must be another port than ${FIXED_PORTS.join(' and ')}, where every engine listens besides`
    : `must be another port than ${port}, which the engine needs for HTTPS: ACE_HTTPS_RANGE (${rangeText(https)}) leaves no other`
}

const imageErrors = (image: string | null): FieldError[] =>
  image === null || IMAGE_REFERENCE.test(image)
    ? []
    : [{ path: ['body', 'image'], message: 'must be an image reference, the repository in lower case' }]

const envErrors = (env: Readonly<Record<string, string>>): FieldError[] =>
  Object.entries(env)
    .filter(([name, value]) => name === '' || /[=\0]/.test(name) || value.includes('\0'))
    .map(([name]) => ({
      path: ['body', 'env', name],
      message: 'a name is not empty and has no "=", and neither part a NUL',
    }))

const labelErrors = (labels: Readonly<Record<string, string>>, template: EngineTemplate): FieldError[] =>
  Object.keys(labels)
    .filter((key) => key === template.label.key || isReservedLabel(key))
    .map((key) => ({ path: ['body', 'labels', key], message: 'this label is set by the orchestrator alone' }))

function raise(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new InvalidRequest(errors)
}
