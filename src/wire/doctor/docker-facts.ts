import type { DockerFacts } from '../../cli/doctor/docker.ts'
import type { ImageFacts } from '../../cli/doctor/image.ts'
import type { NetworkFacts } from '../../cli/doctor/network.ts'
import type { Asked } from '../../cli/doctor/row.ts'
import type { Config } from '../../config/config.ts'
import { ownPlaceOf } from '../../control/containers/own-places.ts'
import { imageWarnings } from '../../control/reporting/image-warnings.ts'
import type { OwnPlace } from '../../core/containers/own-place.ts'
import { DOCKER_RIGHTS, SWARM_RIGHTS } from '../../core/reporting/docker-rights.ts'
import { type DockerSurvey, refusalIn } from '../../runtime/docker-survey.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { ownContainer, ownGateway, type Surroundings } from './surroundings.ts'

/** Whom the doctor asks about Docker. */
export interface DockerDeps {
  readonly runtime: Pick<Runtime, 'inspect' | 'image'>
  readonly survey: DockerSurvey
  readonly around: Surroundings
}

/** Turns the outcome of a question into a fact. An error that is none of Docker's is one that is not foreseen. */
export async function asked<T>(question: Promise<T>): Promise<Asked<T>> {
  try {
    return { kind: 'answer', value: await question }
  } catch (error) {
    const refusal = refusalIn(error)
    if (refusal !== null) return { kind: refusal }
    return { kind: 'failed', why: error instanceof Error ? error.message : String(error) }
  }
}

export async function dockerFacts(
  { survey }: DockerDeps,
  { ENGINE_RUNTIME: kind }: Pick<Config, 'ENGINE_RUNTIME'>,
): Promise<DockerFacts> {
  const needed = kind === 'swarm' ? SWARM_RIGHTS : DOCKER_RIGHTS
  const rights = needed.map(async (right) => [right, await survey.isAllowed(right)] as const)
  const [version, allowed] = await Promise.all([asked(survey.version()), Promise.all(rights)])
  return { address: survey.address, version, allowed: Object.fromEntries(allowed) }
}

export async function imageFacts({ runtime, survey }: DockerDeps, config: Config): Promise<ImageFacts> {
  const { TARGET_IMAGE: image, ENGINE_RECIPE: choice, ENGINE_CMD: command, ENGINE_TMPFS: tmpfs } = config
  const [found, host] = await Promise.all([asked(runtime.image(image)), asked(survey.version())])
  const warnings = imageWarnings({ image, recipe: choice, command, tmpfs })
  return { image, pull: config.PULL, choice, hasCommand: command !== null, found, host, warnings }
}

/** How far our clock is ahead of Docker's, less what the way of the question may have taken. */
export function clockFact({ survey, around }: DockerDeps): Promise<Asked<{ readonly aheadMs: number }>> {
  const ask = async () => {
    const sentMs = around.now()
    const theirsMs = await survey.time()
    const gotMs = around.now()
    return { aheadMs: Math.max(0, sentMs - theirsMs) + Math.min(0, gotMs - theirsMs) }
  }
  return asked(ask())
}

/** Networks that Docker brings, in which it resolves no names. */
const DOCKERS_OWN = new Set(['bridge', 'host', 'none', 'default'])

export async function networkFact(
  { survey }: DockerDeps,
  name: string | null,
): Promise<NetworkFacts['found']> {
  if (name === null) return null
  const found = await asked(survey.network(name))
  if (found.kind !== 'answer') return found
  const { name: known, driver, isInternal } = found.value
  return { kind: 'answer', value: { driver, isInternal, hasNames: !DOCKERS_OWN.has(known) } }
}

/** Where this process runs. A container that this Docker does not know is one of another Docker, such as the one that this runs in. */
export async function selfFact({ runtime, around }: DockerDeps): Promise<Asked<OwnPlace>> {
  const container = ownContainer(around)
  if (container === null) return { kind: 'answer', value: { kind: 'host' } }
  return await asked(ownPlaceOf(runtime, { container, gateway: ownGateway(around) }))
}
