import { describe, expect, test } from 'bun:test'
import { agedHealth, type Health, unknownHealth, withProbe } from '../../../src/core/engines/health.ts'

const THRESHOLD = 3
const ok = (atMs: number) => ({ ok: true, atMs, error: null })
const bad = (atMs: number) => ({ ok: false, atMs, error: 'no answer' })
const after = (...probes: { ok: boolean; atMs: number; error: string | null }[]): Health =>
  probes.reduce((health, probe) => withProbe(health, probe, THRESHOLD), unknownHealth(0))

describe('health', () => {
  test('is unknown before the first probe', () => expect(unknownHealth(5).verdict).toBe('unknown'))

  test('one good answer makes one healthy of which nothing was known', () =>
    expect(after(ok(10)).verdict).toBe('healthy'))

  test('fewer failures than the threshold leave the verdict as it is', () => {
    expect(after(ok(10), bad(20), bad(30)).verdict).toBe('healthy')
    expect(after(bad(10), bad(20)).verdict).toBe('unknown')
  })

  test('as many failures in a row make it unhealthy, since that probe, with its words', () => {
    expect(after(ok(10), bad(20), bad(30), bad(40))).toMatchObject({
      verdict: 'unhealthy',
      sinceMs: 40,
      failures: 3,
      lastError: 'no answer',
      lastOkMs: 10,
    })
  })

  test('a good answer in between starts the count anew', () => {
    expect(after(ok(10), bad(20), bad(30), ok(40), bad(50), bad(60)).verdict).toBe('healthy')
  })

  test('as many good answers in a row make it healthy again, and one failure between them none of it', () => {
    const ill = [bad(10), bad(20), bad(30)]
    expect(after(...ill, ok(40), ok(50)).verdict).toBe('unhealthy')
    expect(after(...ill, ok(40), ok(50), ok(60))).toMatchObject({ verdict: 'healthy', sinceMs: 60 })
    expect(after(...ill, ok(40), ok(50), bad(60), ok(70), ok(80)).verdict).toBe('unhealthy')
  })

  test('an older probe that arrives late changes nothing', () => {
    const health = after(ok(10), ok(30))
    expect(withProbe(health, bad(20), THRESHOLD)).toBe(health)
  })

  test('an old verdict turns unknown', () => {
    const health = after(ok(10))
    expect(agedHealth(health, 60, 50)).toBe(health)
    expect(agedHealth(health, 61, 50).verdict).toBe('unknown')
  })
})
