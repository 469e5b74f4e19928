import {
  DOCKER_NEEDS,
  type DockerNeed,
  type DockerRight,
  settingsOf,
} from '../../core/reporting/docker-rights.ts'
import { type Asked, fault, inParts, ok, type Row, skipped, warning } from './row.ts'

export interface DockerFacts {
  /** The socket or host, as messages name it. */
  readonly address: string
  readonly version: Asked<{ readonly version: string; readonly api: string; readonly isPodman: boolean }>
  /** What the container engine has to allow; null for what could not be asked. */
  readonly allowed: Readonly<Partial<Record<DockerRight, boolean | null>>>
}

const OLDEST_API = [1, 41] as const

/** Whether Docker answers, whether it is new enough, and whether it lets a server do what it has to. */
export function dockerRows(facts: DockerFacts): readonly Row[] {
  return [versionRow(facts), ...permissionRows(facts)]
}

/** Whether Docker answered anything; all questions to it are skipped otherwise. */
export const isReached = ({ version, allowed }: DockerFacts): boolean =>
  version.kind === 'answer' || Object.values(allowed).some((each) => each !== null)

function versionRow(facts: DockerFacts): Row {
  const { version: asked, address } = facts
  if (asked.kind === 'failed' && !isReached(facts))
    return fault(
      'docker',
      ...inParts(asked.why, 'see whether "docker version" answers there, and check DOCKER_HOST'),
    )
  if (asked.kind !== 'answer')
    return skipped(
      'docker',
      `it answers at ${address}, and does not tell its version (GET /version, VERSION=1)`,
    )
  const { version, api, isPodman } = asked.value
  if (isOld(api))
    return fault(
      'docker',
      `Docker ${version} at ${address} has API ${api}`,
      'update it to Docker 20.10 (API 1.41) or newer',
    )
  if (isPodman)
    return warning(
      'docker',
      `Podman ${version} answers at ${address}: starts, ends and refusals without a VPN were tried with it, nothing else`,
      'use a Docker Engine where you can, above all with a VPN',
    )
  return ok('docker', `Docker ${version} (API ${api}) at ${address}`)
}

function isOld(api: string): boolean {
  const [major = 0, minor = 0] = api.split('.').map(Number)
  return major < OLDEST_API[0] || (major === OLDEST_API[0] && minor < OLDEST_API[1])
}

function permissionRows(facts: DockerFacts): readonly Row[] {
  if (!isReached(facts)) return [skipped('docker_permissions', 'Docker did not answer')]
  const all = Object.entries(facts.allowed).map(([right, isAllowed]) => ({
    ...DOCKER_NEEDS[right as DockerRight],
    isAllowed,
  }))
  const forbidden = all.filter(({ isAllowed }) => isAllowed === false)
  const vital = forbidden.filter(({ loss }) => loss === null)
  const rows = [
    ...(vital.length === 0
      ? []
      : [
          fault(
            'docker_permissions',
            `what answers at ${facts.address} forbids ${vital.map(({ what }) => what).join(', ')}, and no engine can be run`,
            `allow it there (${settingsOf(vital)})`,
          ),
        ]),
    ...forbidden.flatMap(({ what, setting, loss }) =>
      loss === null
        ? []
        : [
            warning(
              'docker_permissions',
              `what answers at ${facts.address} forbids ${what}: ${loss}`,
              `allow it there (${setting})`,
            ),
          ],
    ),
  ]
  return rows.length > 0 ? rows : [permitted(all.filter(({ isAllowed }) => isAllowed === null))]
}

function permitted(unasked: readonly DockerNeed[]): Row {
  const names = unasked.map(({ what }) => what).join(', ')
  return unasked.length === 0
    ? ok('docker_permissions', 'everything that is needed is allowed')
    : skipped('docker_permissions', `no answer to ${names}`)
}
