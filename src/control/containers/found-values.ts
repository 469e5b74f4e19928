import { isReservedLabel } from '../../core/engines/labels.ts'
import type { Warning } from '../../core/reporting/warnings.ts'
import type { Engine } from '../../core/types.ts'
import type { ContainerObservation } from '../../runtime/runtime.ts'
import { ENGINE_LABEL } from '../engines/template.ts'

/*
 * Reads what a found container says about itself. Anybody may have made it, with any name, labels and ports, so each value
 * is checked here before it is used.
 */

type Found = Pick<ContainerObservation, 'name' | 'labels' | 'ports'>

const HTTP_LABEL = 'acestream.http_port'

/** Docker's own rule for names, limited to 128 characters. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/

export const isUsableName = (name: string): boolean => NAME.test(name)

/** Why a found container cannot be used as an engine, with the wrong value; null if it can be used. */
export function unusable(container: Found): string | null {
  if (!isUsableName(container.name)) return `its name ${told(container.name)}`
  if (foundPorts(container) !== null) return null
  const label = container.labels[HTTP_LABEL]
  return label === undefined
    ? `no label ${HTTP_LABEL}, and no published port`
    : `${HTTP_LABEL}=${told(label)}`
}

/**
 * The ports of a found container. Its HTTP port is that of its label, otherwise the first published one. Returns null if the
 * label is not a port, or if there is neither. The other ports may be unknown (0 or null), as for engines of the earlier
 * orchestrator.
 */
export function foundPorts({
  labels,
  ports,
}: Pick<Found, 'labels' | 'ports'>): Pick<
  Engine,
  'httpPort' | 'hostHttpPort' | 'httpsPort' | 'hostHttpsPort'
> | null {
  const published = ports.filter(({ protocol }) => protocol === 'tcp')
  const label = labels[HTTP_LABEL]
  const inside = label === undefined ? (published[0]?.containerPort ?? null) : portIn(label)
  if (inside === null) return null
  const onHost = (port: number) => published.find(({ containerPort }) => containerPort === port)?.hostPort
  const https = portIn(labels['acestream.https_port']) ?? 0
  return {
    httpPort: inside,
    hostHttpPort: onHost(inside) ?? portIn(labels['host.http_port']) ?? inside,
    httpsPort: https,
    hostHttpsPort: onHost(https) ?? null,
  }
}

/** The port that a label gives in plain digits; null for anything else. */
export function portIn(label: string | undefined): number | null {
  const port = /^[1-9]\d{0,4}$/.test(label ?? '') ? Number(label) : 0
  return port > 0 && port <= 65_535 ? port : null
}

/** The engine id in the container's label; null if it cannot be an id of ours. */
export function foundId({ labels }: Pick<Found, 'labels'>): string | null {
  const id = labels[ENGINE_LABEL] ?? ''
  return /^[a-zA-Z0-9-]{1,64}$/.test(id) ? id : null
}

/** The number in a name such as `acestream-7`; 0 for other names, and for numbers so large that none is left above them. */
export const numberIn = (name: string): number => Number(/^acestream-(\d{1,9})$/.exec(name)?.[1] ?? 0)

const LABEL_MAX = 1_024
const LABELS_MAX = 16 * 1_024

/**
 * The labels that a row keeps: those that we use first, then others up to the limit. Labels that are too long are dropped.
 */
export function keptLabels(
  labels: ContainerObservation['labels'],
  ours: { readonly key: string },
): Record<string, string> {
  const all = Object.entries(labels).filter(([key, value]) => key.length + value.length <= LABEL_MAX)
  const [known = [], others = []] = [true, false].map((wanted) =>
    all.filter(([key]) => (key === ours.key || isReservedLabel(key)) === wanted),
  )
  let left = LABELS_MAX
  return Object.fromEntries(
    [...known, ...others].filter(([key, value]) => {
      left -= key.length + value.length
      return left >= 0
    }),
  )
}

/** How many containers the warning names. */
const NAMED_MAX = 5

/** The warning about running containers with our label that cannot be used as engines; null if there are none. */
export function unusableWarning(found: readonly Found[]): Warning | null {
  if (found.length === 0) return null
  const named = found.slice(0, NAMED_MAX).map((each) => `${told(each.name)} (${unusable(each)})`)
  const rest = found.length > NAMED_MAX ? ` and ${found.length - NAMED_MAX} more` : ''
  const what =
    found.length === 1
      ? 'a running container has our CONTAINER_LABEL and cannot be used as an engine, so it is left alone'
      : `${found.length} running containers have our CONTAINER_LABEL and cannot be used as engines, so they are left alone`
  return { message: `${what}: ${named.join(', ')}${rest}`, remedy: REMEDY }
}

const REMEDY =
  'make it anew with a label acestream.http_port that is its port (1 to 65535), or without our CONTAINER_LABEL; ' +
  'docker rm -f removes it'

/** Quotes text of others for a warning, short and on one line. */
const told = (text: string): string =>
  text.length <= 40 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 40))}…`
