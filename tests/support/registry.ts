import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import type Dockerode from 'dockerode'
import { PROGRAMS, tarOf, tinyProgram } from './tiny-image.ts'

/**
 * How an image comes: at once; in two seconds; half of its layer and then nothing more; half of its layer at the first question,
 * whose connection breaks, and the rest at the next; not, because the registry says no; or with a layer that is no archive.
 */
type Way = 'whole' | 'slow' | 'stalls' | 'breaks' | 'denied' | 'broken'

interface Published {
  readonly tag: string
  readonly way?: Way
  /** What the image says of itself; amd64 if missing. */
  readonly architecture?: string
  /** What is executed; the program of the tiny image if missing. */
  readonly program?: Buffer
}

interface Blob {
  readonly bytes: Buffer
  readonly way: Way
  /** How often it was asked for. */
  asked: number
}

/** Enough for several messages of Docker about the download. */
const FILLER_BYTES = 512 * 1024
const PIECES = 20
const PIECE_MS = 100

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const CONFIG = 'application/vnd.docker.container.image.v1+json'
const LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip'

/** A registry of images, by default on loopback, which Docker asks without TLS (Registry HTTP API V2). */
export class TestRegistry {
  readonly #server: Server
  readonly #manifests = new Map<string, Omit<Blob, 'asked'>>()
  readonly #blobs = new Map<string, Blob>()
  #names = 0

  private constructor(
    private readonly host: string,
    /** `user:password`, if the registry needs a login. */
    private readonly login: string | null,
  ) {
    this.#server = createServer((request, response) => void this.#answer(request, response))
    // A test that fails must not keep the process alive.
    this.#server.unref()
  }

  /** Opens a registry at an address of this machine, which needs a login (`user:password`) if there is one. */
  static async open(host = '127.0.0.1', login: string | null = null): Promise<TestRegistry> {
    const registry = new TestRegistry(host, login)
    registry.#server.listen(0, host)
    await once(registry.#server, 'listening')
    return registry
  }

  /** A name that no image has yet, without a tag. */
  newName(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('The registry does not listen.')
    return `${this.host}:${address.port}/tiny-${++this.#names}`
  }

  /** Makes an image of which Docker has no layer yet, and puts it under the name and its tag. Returns both as one name. */
  publish(name: string, { tag, way = 'whole', architecture = 'amd64', program }: Published): string {
    const filler = randomBytes(FILLER_BYTES)
    const tar = way === 'broken' ? filler : tarOf({ tiny: program ?? tinyProgram(), filler })
    const zipped = gzipSync(tar)
    const config = Buffer.from(
      JSON.stringify({
        architecture,
        os: 'linux',
        config: { Cmd: PROGRAMS.wait, Labels: { 'roundhouse.test': 'image' } },
        rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      }),
    )
    const manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: CONFIG, size: config.length, digest: this.#put(config, 'whole') },
      layers: [{ mediaType: LAYER, size: zipped.length, digest: this.#put(zipped, way) }],
    }
    const bytes = Buffer.from(JSON.stringify(manifest))
    // Docker asks which digest the tag stands for, and then for that.
    for (const what of [tag, digestOf(bytes)]) this.#manifests.set(`${pathOf(name)}:${what}`, { bytes, way })
    return `${name}:${tag}`
  }

  /** Puts another image under a name with its tag. */
  replace(image: string): void {
    const at = image.lastIndexOf(':')
    this.publish(image.slice(0, at), { tag: image.slice(at + 1) })
  }

  /** Removes from a Docker Engine what it pulled here. */
  async removePulled(client: Dockerode): Promise<void> {
    const host = this.newName().split('/')[0]
    const pulled = await client.listImages({ filters: { label: ['roundhouse.test=image'] } })
    for (const { Id, RepoTags, RepoDigests } of pulled) {
      // An image whose tag went to another still has its digest.
      const names = [...(RepoTags ?? []), ...(RepoDigests ?? [])]
      const isOurs = names.some((name) => name.startsWith(`${host}/`))
      if (isOurs) await client.getImage(Id).remove({ force: true })
    }
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #put(bytes: Buffer, way: Way): string {
    const digest = digestOf(bytes)
    this.#blobs.set(digest, { bytes, way, asked: 0 })
    return digest
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '', headers } = request
    const [, name, kind, what = ''] = /^\/v2\/(.+)\/(manifests|blobs|tags)\/(.+)$/.exec(url) ?? []
    const manifest = this.#manifests.get(`${name}:${what}`)
    const blob = this.#blobs.get(what)
    if (!this.#admits(headers.authorization)) sendLogin(response)
    else if (url === '/v2/') send(response, 200, {})
    else if (kind === 'tags') send(response, 200, { name, tags: this.#tagsOf(name ?? '') })
    else if (kind === 'manifests' && manifest) sendManifest(response, manifest)
    else if (kind === 'blobs' && blob) await sendBlob(response, blob, headers.range)
    else send(response, 404, { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] })
  }

  #admits(authorization: string | undefined): boolean {
    return this.login === null || authorization === `Basic ${Buffer.from(this.login).toString('base64')}`
  }

  #tagsOf(path: string): string[] {
    const prefix = `${path}:`
    const names = [...this.#manifests.keys()].filter((name) => name.startsWith(prefix))
    return names.map((name) => name.slice(prefix.length)).filter((what) => !what.startsWith('sha256:'))
  }
}

function sendLogin(response: ServerResponse): void {
  response.setHeader('WWW-Authenticate', 'Basic realm="test"')
  send(response, 401, { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] })
}

function sendManifest(response: ServerResponse, { bytes, way }: Omit<Blob, 'asked'>): void {
  if (way === 'denied') {
    send(response, 403, DENIED)
    return
  }
  const digest = { 'Docker-Content-Digest': digestOf(bytes), 'Content-Type': MANIFEST }
  response.writeHead(200, { ...digest, 'Content-Length': bytes.length }).end(bytes)
}

async function sendBlob(response: ServerResponse, blob: Blob, range: string | undefined): Promise<void> {
  const from = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
  const bytes = blob.bytes.subarray(from)
  const { length } = blob.bytes
  const part = { 'Content-Range': `bytes ${from}-${length - 1}/${length}` }
  response.writeHead(from > 0 ? 206 : 200, { ...(from > 0 && part), 'Content-Length': bytes.length })
  const half = bytes.subarray(0, bytes.length / 2)
  blob.asked++
  if (blob.way === 'stalls') response.write(half)
  else if (blob.way === 'breaks' && blob.asked === 1) response.write(half, () => response.destroy())
  else if (blob.way === 'slow') await sendSlowly(response, bytes)
  else response.end(bytes)
}

async function sendSlowly(response: ServerResponse, bytes: Buffer): Promise<void> {
  const size = Math.ceil(bytes.length / PIECES)
  for (let at = 0; at < bytes.length; at += size) {
    response.write(bytes.subarray(at, at + size))
    await Bun.sleep(PIECE_MS)
  }
  response.end()
}

const DENIED = { errors: [{ code: 'DENIED', message: 'requested access to the resource is denied' }] }

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  const headers = { 'Content-Type': 'application/json', 'Docker-Distribution-Api-Version': 'registry/2.0' }
  response.writeHead(status, { ...headers, 'Content-Length': text.length }).end(text)
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The part of a name that the registry knows, without its own address. */
function pathOf(name: string): string {
  return name.slice(name.indexOf('/') + 1)
}
