import { createHash, timingSafeEqual } from 'node:crypto'
import { Elysia } from 'elysia'
import { problem } from './problems.ts'

/** Reads that tell of containers need the key too; all other reads are open, as acexy sends none for the status. */
const KEYED_READS = new Set(['/by-label'])

const isKeyed = (method: string, path: string): boolean =>
  (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') || KEYED_READS.has(path)

/**
 * Asks for `Authorization: Bearer <key>` on everything that changes something, before the body is read. Without a key
 * configured everything is open. Keys are compared by their hashes in constant time.
 */
export function auth(apiKey: string | null) {
  const app = new Elysia({ name: 'auth' })
  if (apiKey === null) return app
  const wanted = digest(apiKey)
  return app.onRequest(({ request }) => {
    if (!isKeyed(request.method, new URL(request.url).pathname)) return
    const given = /^Bearer +(\S.*)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    if (given === undefined) return missing()
    if (!timingSafeEqual(digest(given), wanted)) {
      return problem({ status: 403, code: 'invalid_token', message: 'invalid token' })
    }
  })
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const missing = (): Response =>
  problem({
    status: 401,
    code: 'missing_token',
    message: 'missing bearer token',
    headers: { 'www-authenticate': 'Bearer' },
  })
