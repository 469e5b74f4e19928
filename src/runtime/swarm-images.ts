import { imageParts, isSameImage } from '../core/engines/image.ts'
import { type InspectedImage, readImage, readVersion } from './docker-answers.ts'
import { askDocker, type DockerClient } from './docker-connection.ts'
import { dockerWords, isDockers, isForbiddenByProxy, statusOf } from './docker-failures.ts'
import { fromImage } from './docker-observation.ts'
import { AWAY, NEEDS_LOGIN } from './docker-pull.ts'
import type { RegistryLogins } from './registry-logins.ts'
import { type ImageFacts, RuntimeFailure } from './runtime.ts'
import { readDistribution } from './swarm-answers.ts'

/** How long an answer of a registry holds. Registries count questions, and refuse too many. */
const KNOWN_MS = 600_000
/** The same for no answer, and for the answer that there is no such image. */
const UNKNOWN_MS = 30_000
/** How many answers are kept. */
const ANSWERS_MAX = 100
/** How long a creation may wait for a registry that was not asked before. */
const PATIENCE_MS = 1_000

/** What a registry said of an image. */
type Answer =
  | { readonly kind: 'there'; readonly facts: ImageFacts }
  /** The registry says that it has no such image, or that nobody may have it. */
  | { readonly kind: 'missing'; readonly words: string }
  /** Nobody could ask it. */
  | { readonly kind: 'away'; readonly words: string }

/**
 * The images of a swarm. Every node gets an image by itself, so that nobody knows which node has it. What a name stands for is
 * told by the manager that we talk to, if it has an image of this name, otherwise by the registry.
 */
export class SwarmImages {
  readonly #answers = new Map<string, { readonly answer: Answer; readonly untilMs: number }>()

  constructor(private readonly logins: RegistryLogins) {}

  /**
   * Looks an image up. Its `id` is the digest at its registry if there is one, and its size 0 if only the registry has it.
   * Throws RuntimeFailure `image_missing` if the registry says that there is none, and `unreachable` if nobody can tell: the
   * nodes may have it.
   */
  async look(docker: DockerClient, reference: string, abortSignal: AbortSignal): Promise<ImageFacts> {
    const local = await imageAt(docker, reference, abortSignal)
    if (local !== null) return { ...fromImage(local), id: digestOf(local, reference) ?? local.Id }
    const answer = await this.#ask(docker, reference, abortSignal)
    if (answer.kind === 'there') return answer.facts
    throw answer.kind === 'missing' ? missing(reference, answer.words) : untold(reference, answer.words)
  }

  /**
   * The image as the nodes are told: with its digest, if that is known or a registry tells it soon. Then all of them run the
   * same, and one that has it asks no registry. Never fails because of an image.
   */
  async pinned(docker: DockerClient, reference: string, abortSignal: AbortSignal): Promise<string> {
    const parts = imageParts(reference)
    if (parts === null || parts.digest !== null) return reference
    const local = await imageAt(docker, reference, abortSignal)
    if (local !== null) return withDigest(reference, digestOf(local, reference))
    const soon = AbortSignal.any([abortSignal, AbortSignal.timeout(PATIENCE_MS)])
    const answer = await this.#ask(docker, reference, soon).catch((error: unknown) => {
      if (abortSignal.aborted) throw error
      return null
    })
    return withDigest(reference, answer?.kind === 'there' ? answer.facts.id : null)
  }

  /** Asks the registry, unless it has answered lately. */
  async #ask(docker: DockerClient, reference: string, abortSignal: AbortSignal): Promise<Answer> {
    const known = this.#answers.get(reference)
    if (known !== undefined && performance.now() < known.untilMs) return known.answer
    const answer = await ask(docker, { reference, logins: this.logins }, abortSignal)
    const untilMs = performance.now() + (answer.kind === 'there' ? KNOWN_MS : UNKNOWN_MS)
    this.#answers.delete(reference)
    this.#answers.set(reference, { answer, untilMs })
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > ANSWERS_MAX && oldest !== undefined) this.#answers.delete(oldest)
    return answer
  }
}

const withDigest = (reference: string, digest: string | null): string =>
  digest === null ? reference : `${reference}@${digest}`

/** The image of this name on the manager; null if it has none. */
async function imageAt(
  docker: DockerClient,
  reference: string,
  abortSignal: AbortSignal,
): Promise<InspectedImage | null> {
  try {
    return readImage(await askDocker(docker, { path: `/images/${reference}/json`, abortSignal }))
  } catch (error) {
    if (statusOf(error) === 404 && isDockers(error)) return null
    throw error
  }
}

/** The digest of an image at the registry that its name says; null if it did not come from there. */
function digestOf({ RepoDigests }: InspectedImage, reference: string): string | null {
  const name = nameOf(reference)
  const known = (RepoDigests ?? []).map((each) => each.split('@'))
  return known.find(([repository = '']) => isSameImage(repository, name))?.[1] ?? null
}

/** The name of an image without its tag. */
function nameOf(reference: string): string {
  const tag = imageParts(reference)?.tag ?? null
  return tag === null ? reference : reference.slice(0, -tag.length - 1)
}

async function ask(
  docker: DockerClient,
  { reference, logins }: { readonly reference: string; readonly logins: RegistryLogins },
  abortSignal: AbortSignal,
): Promise<Answer> {
  const login = logins(reference)
  try {
    const path = `/distribution/${reference}/json`
    const question = { path, abortSignal, ...(login && { authconfig: login }) }
    const { Descriptor, Platforms } = readDistribution(await askDocker(docker, question))
    const host = readVersion(await docker.version({ abortSignal }))
    const isHosts = ({ os, architecture }: { readonly os?: string; readonly architecture?: string }) =>
      os === host.Os && architecture === host.Arch
    const platform = Platforms?.find(isHosts) ?? Platforms?.[0]
    const { os = host.Os, architecture = host.Arch, variant = '' } = platform ?? {}
    const facts = { id: Descriptor.digest, os, architecture, variant: variant || null, sizeBytes: 0 }
    return { kind: 'there', facts }
  } catch (error) {
    const status = statusOf(error)
    if (abortSignal.aborted || status === null || !isDockers(error) || isForbiddenByProxy(error)) throw error
    const words = dockerWords(error).split('\n')[0]?.slice(0, 300) ?? ''
    return { kind: saysNo(status, words) ? 'missing' : 'away', words }
  }
}

const saysNo = (status: number, words: string): boolean =>
  !AWAY.test(words) &&
  ([401, 403, 404].includes(status) || NEEDS_LOGIN.test(words) || /unknown|not found|denied/.test(words))

function missing(reference: string, words: string): RuntimeFailure {
  const remedy = NEEDS_LOGIN.test(words)
    ? 'check the name, or log in to the registry ("docker login") as the user of this server'
    : 'check the name'
  const message = `The registry of image ${reference} does not give it (${words}): ${remedy}.`
  return new RuntimeFailure('image_missing', message)
}

function untold(reference: string, words: string): RuntimeFailure {
  const message =
    `Nobody can tell of image ${reference}: the manager has none of this name, and its registry does not answer (${words}). ` +
    'Nodes that have it can run it.'
  return new RuntimeFailure('unreachable', message, { effect: 'none' })
}
