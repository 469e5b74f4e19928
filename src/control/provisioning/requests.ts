import { IMAGE_REFERENCE, isSameImage } from '../../core/engines/image.ts'
import { isReservedLabel } from '../../core/engines/labels.ts'
import { FIXED_PORTS, holds, type PortRange, rangeText } from '../../core/engines/ports.ts'
import type { EngineRequest } from '../../core/types.ts'
import type { PublishedPort } from '../../runtime/runtime.ts'
import { type EngineTemplate, isPortVariable } from '../engines/template.ts'
import { ImageNotAllowed, InvalidRequest } from '../errors.ts'
import { type GenericRequest, hostPlaceOf } from './generic.ts'

type FieldError = InvalidRequest['fields'][number]

/** Reserved ports, and the setting that reserves them. */
export interface KeptPorts {
  readonly setting: string
  readonly range: PortRange
}

/** What callers may ask for. */
export interface RequestLimits {
  /** The ports that VPN nodes publish. A `host_port` has to be one of them. Empty without a VPN. */
  readonly vpn: readonly PortRange[]
  /** Reserved ports: those that no `host_port` may be, and those that no container may publish that is not an engine. */
  readonly keptFromEngines: readonly KeptPorts[]
  readonly keptFromOthers: readonly KeptPorts[]
  /** The images that may be named besides the template's; null if any image on this Docker host may be. */
  readonly images: readonly string[] | null
}

/** The most ports of one container. Docker runs two processes for each published port. */
const PORTS_MAX = 16

/**
 * Checks a request for an engine. Throws InvalidRequest with every field that contradicts what we set ourselves, and
 * ImageNotAllowed. Returns the request. If it names the template's image in another spelling, it gets the template's.
 */
export function checkEngineRequest(
  request: EngineRequest,
  template: EngineTemplate,
  limits: RequestLimits,
): EngineRequest {
  const image = request.image ?? template.image
  const reserved = Object.keys(request.env).filter((name) => isPortVariable(template, image, name))
  raise([
    ...imageErrors(request.image),
    ...hostPortErrors(request.hostPort, limits),
    ...reserved.map((name) => ({
      path: ['body', 'env', name],
      message: `${name} follows from the port; use host_port`,
    })),
    ...envErrors(request.env),
    ...labelErrors(request.labels, template),
  ])
  return { ...request, image: allowedImage(request.image, template, limits) }
}

/** Like `checkEngineRequest`, for containers that are not engines. `ports` has the form `80/tcp: 8080`. */
export function genericRequest(
  given: Omit<GenericRequest, 'ports'> & { readonly ports: Readonly<Record<string, number>> },
  template: EngineTemplate,
  limits: RequestLimits,
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
    ...publishedErrors(ports, limits),
    ...envErrors(given.env),
    ...labelErrors(given.labels, template),
  ])
  const image = allowedImage(given.image, template, limits)
  return { ...given, image, ports: ports.flatMap(({ port }) => port ?? []) }
}

function allowedImage(
  image: string | null,
  template: EngineTemplate,
  { images }: RequestLimits,
): string | null {
  if (image === null) return null
  if (isSameImage(image, template.image)) return template.image
  if (images !== null && !images.some((allowed) => isSameImage(image, allowed))) throw new ImageNotAllowed()
  return image
}

function publishedPort(key: string, hostPort: number): PublishedPort | null {
  const [, digits = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(key) ?? []
  const containerPort = Number(digits)
  if (containerPort < 1 || containerPort > 65_535) return null
  return { containerPort, hostPort, protocol: protocol === 'udp' ? 'udp' : 'tcp' }
}

function hostPortErrors(port: number | null, { vpn, keptFromEngines }: RequestLimits): FieldError[] {
  if (port === null) return []
  const notHere = vpn.length === 0 ? fixedError(port) : vpnError(port, vpn)
  const message = notHere ?? keptError(port, keptFromEngines)
  return message === null ? [] : [{ path: ['body', 'host_port'], message }]
}

/** The errors in the ports of a container that is not an engine. */
function publishedErrors(
  ports: readonly { readonly key: string; readonly port: PublishedPort | null }[],
  { keptFromOthers }: RequestLimits,
): FieldError[] {
  if (ports.length > PORTS_MAX)
    return [{ path: ['body', 'ports'], message: `must be at most ${PORTS_MAX} ports` }]
  const taken = new Set<string>()
  return ports.flatMap(({ key, port }) => {
    if (port === null) return []
    const place = hostPlaceOf(port)
    const twice = taken.has(place) ? 'must be another host port, since the request has this one twice' : null
    taken.add(place)
    const message = keptError(port.hostPort, keptFromOthers) ?? twice
    return message === null ? [] : [{ path: ['body', 'ports', key], message }]
  })
}

function keptError(port: number, kept: readonly KeptPorts[]): string | null {
  const clash = kept.find(({ range }) => holds(range, port))
  return clash === undefined
    ? null
    : `must be another host port: ${port} is of ${clash.setting} (${rangeText(clash.range)})`
}

const vpnError = (port: number, vpn: readonly PortRange[]): string | null =>
  vpn.some((range) => holds(range, port))
    ? null
    : `must be a port of GLUETUN_PORT_RANGE (${vpn.map(rangeText).join(',')}), since engines are behind a VPN`

/** The error if an engine already uses the port for something else; null otherwise. */
const fixedError = (port: number): string | null =>
  FIXED_PORTS.includes(port)
    ? `must be another port than ${FIXED_PORTS.join(' and ')}, where every engine listens besides`
    : null

const imageErrors = (image: string | null): FieldError[] =>
  image === null || IMAGE_REFERENCE.test(image)
    ? []
    : [{ path: ['body', 'image'], message: 'must be an image reference, the repository in lower case' }]

const envErrors = (env: Readonly<Record<string, string>>): FieldError[] =>
  Object.keys(env)
    .filter((name) => name.includes('='))
    .map((name) => ({ path: ['body', 'env', name], message: 'a name has no "="' }))

const labelErrors = (labels: Readonly<Record<string, string>>, template: EngineTemplate): FieldError[] =>
  Object.keys(labels)
    .filter((key) => key === template.label.key || isReservedLabel(key))
    .map((key) => ({ path: ['body', 'labels', key], message: 'this label is set by the orchestrator alone' }))

function raise(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new InvalidRequest(errors)
}
