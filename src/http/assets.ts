import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'

/** A file that is kept compressed only, because every browser takes that. */
export interface Packed {
  readonly type: string
  readonly zipped: Uint8Array<ArrayBuffer>
}

const zip = promisify(gzip)
const unzip = promisify(gunzip)

/** Compresses a text or a file in another thread. */
export async function packed(type: string, content: string | Uint8Array): Promise<Packed> {
  return { type, zipped: new Uint8Array(await zip(content, { level: 9 })) }
}

const HASH_LETTERS = 12

/** A part for the name of a file, by which another content has another name. */
export const hashOf = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex').slice(0, HASH_LETTERS)

/** For an asset that has its hash in its name, so that what is once loaded stays right. */
export const KEPT = 'public, max-age=31536000, immutable'

/** Answers with a file, compressed if the client takes that, otherwise decompressed in another thread. */
export async function sent(
  { type, zipped }: Packed,
  { headers }: Request,
  cached: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const takesGzip = /(^|,)\s*gzip\s*(,|$|;\s*q=(1|0\.\d*[1-9]))/i.test(headers.get('accept-encoding') ?? '')
  return new Response(takesGzip ? zipped : new Uint8Array(await unzip(zipped)), {
    headers: {
      'content-type': type,
      'cache-control': cached,
      vary: 'accept-encoding',
      ...(takesGzip ? { 'content-encoding': 'gzip' } : {}),
      ...more,
    },
  })
}

/** Remembers what was made first. What failed is tried again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null
      throw error
    })
    return made
  }
}
