import { type Platform, runsOn } from '../../core/engines/platform.ts'
import type { Warning } from '../../core/reporting/warnings.ts'
import type { Clock } from '../../lib/clock.ts'
import { guarded, type OnError } from '../../lib/guard.ts'
import type { Log } from '../../lib/log.ts'
import { backoffMs } from '../../lib/workqueue.ts'
import { type ImageFacts as ImageDescription, type Runtime, RuntimeFailure } from '../../runtime/runtime.ts'
import type { ImageFacts } from '../facts/image-facts.ts'
import type { Warnings } from '../reporting/warnings.ts'
import type { ImagePull } from './image-pull.ts'

/** How often a present image is looked at, and how often one that is missing or could not be looked at. */
const PRESENT_MS = 60_000
const MISSING_MS = 2_000

/** How often a newer image is looked for, if that is wanted. */
const PULL_EVERY_MS = 86_400_000

/** The time until a failed pull is tried again. */
const PULL_AGAIN = { minMs: 60_000, maxMs: 900_000 }

export interface ImageWatchDeps {
  readonly clock: Clock
  readonly runtime: Runtime
  readonly images: ImageFacts
  readonly warnings: Warnings
  readonly log: Log
  readonly random: () => number
  /** Null if the hosts get their images by themselves. */
  readonly pull: Pick<ImagePull, 'run'> | null
  /** `missing` pulls an image that is not on this host; `always` also pulls it at the start and once a day. */
  readonly when: 'never' | 'missing' | 'always'
  readonly image: string
  readonly onError: OnError
}

/**
 * Looks whether the template's image is on this host and fits it, and pulls it if the settings say so. One inspection each
 * time; a missing image is looked for more often, so that engines start as soon as somebody has pulled it.
 */
export class ImageWatch {
  readonly #stop = new AbortController()
  #cancel: () => void = () => undefined
  #running: Promise<void> = Promise.resolve()
  #pullFailures = 0
  #pullError: string | null = null
  #pullFromMs = Number.NEGATIVE_INFINITY
  #pulledMs = Number.NEGATIVE_INFINITY
  #host: Platform | null = null

  constructor(private readonly deps: ImageWatchDeps) {}

  start(): void {
    const { images } = this.deps
    images.onNews(() => {
      // The image may have been removed, which shows when a container is to be created.
      if (images.state().kind === 'missing') this.#after(MISSING_MS)
    })
    this.#after(0)
  }

  /** Ends a pull under way. Docker keeps the layers that it has. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await this.#running
  }

  #after(ms: number): void {
    if (this.#stop.signal.aborted) return
    this.#cancel()
    const round = guarded(() => {
      this.#running = this.#running.then(() => this.#round()).catch(this.deps.onError)
    }, this.deps.onError)
    this.#cancel = this.deps.clock.after(ms, round)
  }

  async #round(): Promise<void> {
    const found = await this.#find()
    this.#note(found)
    if (typeof found === 'object') await this.#checkPlatform(found)
    if (this.#shouldPull(found)) await this.#pull()
    const isPresent = typeof found === 'object'
    this.#after(isPresent && this.#pullError === null ? PRESENT_MS : MISSING_MS)
  }

  async #find(): Promise<ImageDescription | 'missing' | 'unknown'> {
    const { runtime, image } = this.deps
    try {
      return await runtime.image(image, this.#stop.signal)
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      return error.code === 'image_missing' ? 'missing' : 'unknown'
    }
  }

  #note(found: ImageDescription | 'missing' | 'unknown'): void {
    const { images, clock, warnings, image, log } = this.deps
    // Docker does not answer, which says nothing about the image.
    if (found === 'unknown') return
    if (found === 'missing') {
      images.note({ kind: 'missing', pullError: this.#pullError })
      this.#warnMissing()
    } else {
      const before = images.state()
      if (before.kind === 'present' && before.id !== found.id)
        log.info(
          { image, id: found.id },
          'the name of the image leads to another one now; engines are renewed when idle',
        )
      images.note({ kind: 'present', id: found.id, lookedAtMs: clock.now() })
      warnings.tell('image_missing', null)
    }
    warnings.tell('image_pull_failed', found === 'missing' ? null : this.#pullWarning())
  }

  /** Warns before the first start of an image that was made for another kind of machine. */
  async #checkPlatform(found: ImageDescription): Promise<void> {
    const { runtime, warnings, image } = this.deps
    try {
      this.#host ??= await runtime.host(this.#stop.signal)
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      return
    }
    const [made, host] = [nameOf(found), nameOf(this.#host)]
    warnings.tell(
      'image_platform',
      runsOn(found, this.#host)
        ? null
        : {
            message: `the image ${image} is made for ${made}, and this Docker host is ${host}: its engines will not start`,
            remedy: `set TARGET_IMAGE to an image for ${host} (docs/ENGINES.md), or install emulation (binfmt) on the host`,
          },
    )
  }

  /** What is wrong if an image that is here could not be renewed; null if nothing is. */
  #pullWarning(): Warning | null {
    const { image } = this.deps
    if (this.#pullError === null) return null
    return {
      message: `the image ${image} could not be pulled, so engines start from the one that is here: ${this.#pullError}`,
      remedy: `it is tried again later; docker pull ${image} says more; PULL=missing is for hosts that reach no registry`,
    }
  }

  #warnMissing(): void {
    const { warnings, image, when } = this.deps
    const error = this.#pullError === null ? '' : `, and it could not be pulled: ${this.#pullError}`
    const remedy =
      when === 'never'
        ? `run: docker pull ${image}; or set PULL=missing`
        : `run: docker pull ${image}, which says more`
    warnings.tell('image_missing', {
      message: `the image ${image} is not on this Docker host${error}; no engine can be started`,
      remedy,
    })
  }

  #shouldPull(found: ImageDescription | 'missing' | 'unknown'): boolean {
    const { when, clock, pull } = this.deps
    if (pull === null) return false
    if (found === 'unknown' || this.#stop.signal.aborted || clock.now() < this.#pullFromMs) return false
    if (when === 'always' && clock.now() - this.#pulledMs >= PULL_EVERY_MS) return true
    return found === 'missing' && when !== 'never'
  }

  async #pull(): Promise<void> {
    const { clock, random, pull } = this.deps
    if (pull === null) return
    this.#pullError = await pull.run(this.#stop.signal)
    if (this.#pullError === null) {
      this.#pullFailures = 0
      this.#pulledMs = clock.now()
    } else {
      this.#pullFailures++
      this.#pullFromMs = clock.now() + backoffMs(this.#pullFailures, PULL_AGAIN, random)
    }
    this.#note(await this.#find())
  }
}

const nameOf = ({ os, architecture }: Platform): string => `${os}/${architecture}`
