import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** A file in both forms in which it is sent. */
export interface Packed {
  readonly type: string
  readonly plain: Uint8Array<ArrayBuffer>
  readonly zipped: Uint8Array<ArrayBuffer>
}

const zip = promisify(gzip)

/** Compresses a text or a file in another thread. */
export async function packed(type: string, content: string | Uint8Array): Promise<Packed> {
  const plain = new Uint8Array(Buffer.from(content))
  return { type, plain, zipped: new Uint8Array(await zip(plain, { level: 9 })) }
}

const HASH_LETTERS = 12

/** A part for the name of a file, by which another content has another name. */
export const hashOf = (content: Uint8Array): string =>
  createHash('sha256').update(content).digest('hex').slice(0, HASH_LETTERS)

/** For an asset that has its hash in its name, so that what is once loaded stays right. */
export const KEPT = 'public, max-age=31536000, immutable'

/** Answers with a file, compressed if the client takes that. */
export function sent(
  { type, plain, zipped }: Packed,
  { headers }: Request,
  cached: string,
  more: Readonly<Record<string, string>> = {},
): Response {
  const takesGzip = /(^|,)\s*gzip\s*(,|$|;\s*q=(1|0\.\d*[1-9]))/i.test(headers.get('accept-encoding') ?? '')
  return new Response(takesGzip ? zipped : plain, {
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
