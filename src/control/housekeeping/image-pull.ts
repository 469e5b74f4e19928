import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { type PullProgress, type Registry, RuntimeFailure } from '../../runtime/runtime.ts'
import { appendJournal, type JournalEntry } from '../../store/journal.ts'
import type { Store } from '../../store/store.ts'
import type { ImageFacts } from '../facts/image-facts.ts'
import type { Warnings } from '../reporting/warnings.ts'

/** How often the progress is logged, and how often it is told at most. */
const LOG_MS = 10_000
const TELL_MS = 1_000

/** The estimate while nothing is known about the speed. */
const ETA_S = 30

export interface ImagePullDeps {
  readonly store: Pick<Store, 'transactOrKeep'>
  readonly clock: Clock
  readonly registry: Registry
  readonly images: ImageFacts
  readonly warnings: Warnings
  readonly log: Log
  readonly image: string
}

/** Pulls the template's image in the background, and tells everybody how far it is. */
export class ImagePull {
  constructor(private readonly deps: ImagePullDeps) {}

  /** Pulls the image. Returns why it could not be pulled; null if it was, or if `signal` aborted. */
  async run(signal: AbortSignal): Promise<string | null> {
    const { clock, registry, images, image, log, warnings } = this.deps
    const beganMs = clock.now()
    this.#journal('image.pulling', {})
    log.info({ image }, 'pulling the image')
    let loggedMs = beganMs
    let toldMs = Number.NEGATIVE_INFINITY
    this.#tell({ currentBytes: 0, totalBytes: 0, layersDone: 0, layers: 0 }, beganMs)
    try {
      await registry.pull(
        image,
        (progress) => {
          if (clock.now() - toldMs >= TELL_MS) {
            toldMs = clock.now()
            this.#tell(progress, beganMs)
          }
          if (clock.now() - loggedMs < LOG_MS) return
          loggedMs = clock.now()
          log.info({ image, ...progress }, `pulling the image: ${inWords(progress)}`)
        },
        signal,
      )
      const seconds = Math.round((clock.now() - beganMs) / 1_000)
      this.#journal('image.pulled', { seconds })
      log.info({ image, seconds }, 'the image was pulled')
      return null
    } catch (error) {
      if (!(error instanceof RuntimeFailure)) throw error
      if (signal.aborted) return null
      this.#journal('image.pull_failed', { reason: error.message })
      log.warn({ image }, `the image could not be pulled: ${error.message}`)
      return error.message
    } finally {
      images.notePull(null)
      warnings.tell('image_pulling', null)
    }
  }

  /** An image that is on this host already serves while a newer one is pulled. */
  #tell(progress: PullProgress, beganMs: number): void {
    const { images, warnings, clock, image } = this.deps
    const etaSeconds = etaOf(progress, clock.now() - beganMs)
    images.notePull({ ...progress, sinceMs: beganMs, etaSeconds })
    if (images.state().kind !== 'present') images.note({ kind: 'pulling', etaSeconds })
    warnings.tell('image_pulling', {
      message: `the image ${image} is being pulled: ${inWords(progress)}`,
      remedy: 'wait until it is here; until then engines can be started only if an older one is on this host',
    })
  }

  #journal(kind: JournalEntry['kind'], detail: Readonly<Record<string, unknown>>): void {
    const { store, clock, image } = this.deps
    store.transactOrKeep((tx) => appendJournal(tx, clock.now(), { kind, detail: { image, ...detail } }))
  }
}

const inWords = ({ currentBytes, totalBytes, layersDone, layers }: PullProgress): string =>
  totalBytes === 0
    ? 'its size is not known yet'
    : `${layersDone} of ${layers} layers, ${Math.round(currentBytes / 1e6)} of ${Math.round(totalBytes / 1e6)} MB`

/** Whole seconds until the rest is here, by the speed so far. Layers that are not begun yet are not in the total. */
function etaOf({ currentBytes, totalBytes }: PullProgress, tookMs: number): number {
  if (currentBytes === 0 || tookMs < 1_000) return ETA_S
  return Math.max(1, Math.ceil(((totalBytes - currentBytes) / currentBytes) * (tookMs / 1_000)))
}
