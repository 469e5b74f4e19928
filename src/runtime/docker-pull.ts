import { type PullMessage, readPulling } from './docker-answers.ts'
import type { DockerClient } from './docker-connection.ts'
import { dockerWords, isDockers, isForbiddenByProxy, NotDockers, statusOf } from './docker-failures.ts'
import { LineSplitter, ofDocker, readToEnd } from './docker-streams.ts'
import { withTag } from './image-names.ts'
import { type PullProgress, RuntimeFailure } from './runtime.ts'

/** How often the progress is reported at most. */
const REPORT_EVERY_MS = 250

/** How many layers are counted. Docker accepts no image with more than 127. */
const LAYERS_MAX = 1_000

/** What Docker says of a layer that has come. */
const DOWNLOADED = new Set(['Verifying Checksum', 'Download complete', 'Extracting', 'Pull complete'])

/** What Docker says of a layer at first, and of one that is here. Other messages have an id as well, such as the tag. */
const BEGUN = new Set(['Pulling fs layer', 'Waiting', 'Downloading'])
const HERE = new Set(['Already exists', 'Pull complete'])

interface Layer {
  readonly currentBytes: number
  readonly totalBytes: number
  readonly isHere: boolean
}

const NOTHING: Layer = { currentBytes: 0, totalBytes: 0, isHere: false }

/** The words of Docker when the registry did not answer, or not well. All others mean that it said no. */
export const AWAY = new RegExp(
  [
    'no such host|server misbehaving|name resolution',
    'connection (?:refused|reset)|no route to host|network is unreachable|broken pipe',
    'timeout|deadline exceeded|request canceled',
    'EOF|unexpected HTTP status(?: code)?:? 5\\d\\d',
  ].join('|'),
)

/** What Docker says of an image that does not exist, or that may be read only after a login. It tells nobody which. */
export const NEEDS_LOGIN = /access denied|docker login|unauthorized|authentication required|no basic auth/

export interface Pull {
  readonly reference: string
  readonly onProgress: (progress: PullProgress) => void
  /** Called whenever something comes from Docker. */
  readonly onSign: () => void
}

/** Pulls an image like `Runtime.pull`. Throws what dockerode throws, NotDockers, or a RuntimeFailure. */
export async function pullImage(docker: DockerClient, pull: Pull, abortSignal: AbortSignal): Promise<void> {
  const { reference, onSign } = pull
  const fromImage = withTag(reference)
  const stream = await docker.createImage({ abortSignal, fromImage }).catch((error: unknown) => {
    throw isRegistrys(error) ? failureOf(reference, dockerWords(error), error) : error
  })
  const reading = new PullReader(pull)
  const decoder = new TextDecoder()
  const isWhole = await readToEnd(ofDocker(stream), abortSignal, (chunk) => {
    onSign()
    reading.push(decoder.decode(chunk, { stream: true }))
  })
  if (!isWhole) throw new Error('The pull broke off.')
  reading.end()
}

/** Whether an answer tells what a registry said. 502 to 504 come from a proxy in front of Docker. */
function isRegistrys(error: unknown): boolean {
  const status = statusOf(error)
  if (status === null || status < 400 || status > 500) return false
  return isDockers(error) && !isForbiddenByProxy(error) && dockerWords(error) !== ''
}

function failureOf(reference: string, words: string, cause?: unknown): RuntimeFailure {
  const why = words.split('\n')[0]?.slice(0, 300).trim() ?? ''
  if (AWAY.test(why)) {
    const message = `Docker could not reach the registry of image ${reference}: ${why}`
    return new RuntimeFailure('unreachable', message, { effect: 'none', cause })
  }
  const remedy = NEEDS_LOGIN.test(why)
    ? ` (If the name is right and the image needs a login, get it by hand: "docker pull ${reference}".)`
    : ''
  return new RuntimeFailure('refused', `Docker did not get image ${reference}: ${why}${remedy}`, { cause })
}

/** Reads the messages of one pull. */
class PullReader {
  readonly #lines = new LineSplitter()
  readonly #layers = new Map<string, Layer>()
  #hasStatus = false
  #isNews = false
  #reportedMs = Number.NEGATIVE_INFINITY

  constructor(private readonly pull: Pull) {}

  /** Throws a RuntimeFailure if the pull failed, or NotDockers for what is no pull. */
  push(text: string): void {
    for (const line of this.#lines.push(text)) this.#take(readPulling(parsed(line)))
    if (performance.now() - this.#reportedMs >= REPORT_EVERY_MS) this.#report()
  }

  end(): void {
    this.push('\n')
    if (!this.#hasStatus) throw new NotDockers('no pull')
    this.#report()
  }

  #take({ status, id, progressDetail, error }: PullMessage): void {
    if (error) throw failureOf(this.pull.reference, error)
    if (!status) return
    this.#hasStatus = true
    if (!id || (this.#layers.size >= LAYERS_MAX && !this.#layers.has(id))) return
    const known = this.#layers.get(id)
    if (status === 'Downloading') {
      const [current, total] = [progressDetail?.current ?? 0, progressDetail?.total ?? 0]
      // Docker says -1, or nothing, where the registry does not tell the size.
      this.#set(id, { currentBytes: current, totalBytes: Math.max(total, current), isHere: false })
    } else if (known === undefined && (BEGUN.has(status) || HERE.has(status)))
      this.#set(id, { ...NOTHING, isHere: HERE.has(status) })
    else if (known && DOWNLOADED.has(status))
      this.#set(id, { ...known, currentBytes: known.totalBytes, isHere: HERE.has(status) })
  }

  #set(id: string, layer: Layer): void {
    const known = this.#layers.get(id)
    this.#layers.set(id, layer)
    const isSame = known !== undefined && Bun.deepEquals(known, layer)
    // Layers that were here already are no progress.
    if (!isSame && !(known === undefined && layer.isHere)) this.#isNews = true
  }

  #report(): void {
    if (!this.#isNews) return
    this.#isNews = false
    this.#reportedMs = performance.now()
    const layers = [...this.#layers.values()]
    this.pull.onProgress({
      currentBytes: layers.reduce((sum, layer) => sum + layer.currentBytes, 0),
      totalBytes: layers.reduce((sum, layer) => sum + layer.totalBytes, 0),
      layersDone: layers.filter(({ isHere }) => isHere).length,
      layers: layers.length,
    })
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw new NotDockers('no JSON')
  }
}
