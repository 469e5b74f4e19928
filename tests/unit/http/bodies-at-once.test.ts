import { expect, test } from 'bun:test'
import { BodiesAtOnce } from '../../../src/http/bodies-at-once.ts'

/* How many bodies are read at a time, per address and in total. */

const never = (): Promise<never> => new Promise(() => undefined)

/** Begins to read this many bodies that do not end. Returns how many were accepted. */
async function begin(bodies: BodiesAtOnce, address: string | null, count: number): Promise<number> {
  let refused = 0
  for (let n = 0; n < count; n++) bodies.reading(address, never).catch(() => refused++)
  await Bun.sleep(0)
  return count - refused
}

test('one address has 64 at a time, and hinders no other', async () => {
  const bodies = new BodiesAtOnce()
  expect(await begin(bodies, '192.0.2.1', 100)).toBe(64)
  expect(await begin(bodies, '192.0.2.2', 10)).toBe(10)
  const refusal = bodies.reading('192.0.2.1', never)
  expect(refusal).rejects.toMatchObject({
    failure: { status: 429, code: 'too_many_requests', etaSeconds: 1 },
  })
})

test('all together have 512, and this machine is not counted', async () => {
  const bodies = new BodiesAtOnce()
  const addresses = Array.from({ length: 10 }, (_, n) => `192.0.2.${n}`)
  let taken = 0
  for (const address of addresses) taken += await begin(bodies, address, 60)
  expect(taken).toBe(512)
  for (const own of ['127.0.0.1', '::1', '::ffff:127.0.0.1', null])
    expect(await begin(bodies, own, 100)).toBe(100)
})

test('one that was read, or broke off, leaves its place', async () => {
  const bodies = new BodiesAtOnce()
  await begin(bodies, '192.0.2.1', 63)
  for (let n = 0; n < 10; n++) {
    expect(await bodies.reading('192.0.2.1', async () => 'read')).toBe('read')
    const broken = bodies.reading('192.0.2.1', () => Promise.reject(new Error('broke off')))
    expect(broken).rejects.toThrow('broke off')
    await broken.catch(() => undefined)
  }
})
