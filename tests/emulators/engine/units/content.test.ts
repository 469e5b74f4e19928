import { describe, expect, test } from 'bun:test'
import { behaviourOf, infohashOf, requestedContent } from '../content.ts'

const HEX = '0123456789abcdef0123456789abcdef01234567'
const query = (text: string) => requestedContent(new URLSearchParams(text))

describe('content', () => {
  test('an infohash is another number than the content id, and always the same', () => {
    expect(infohashOf(HEX)).toMatch(/^[0-9a-f]{40}$/)
    expect(infohashOf(HEX)).not.toBe(HEX)
    expect(infohashOf(HEX)).toBe(infohashOf(HEX))
    expect(infohashOf(HEX)).not.toBe(infohashOf(HEX.replace(/7$/, '8')))
  })

  test('selectors count in their order, whatever their order in the query', () => {
    const all = `magnet=magnet:?xt=urn:btih:${HEX}&url=http://x/y&infohash=${HEX}&id=${HEX}`
    expect(query(all)).toMatchObject({ selector: 'content_id', infohash: infohashOf(HEX) })
    expect(query(`content_id=${HEX}`)).toMatchObject({ selector: 'content_id', infohash: infohashOf(HEX) })
    expect(query(all.replace(`&id=${HEX}`, ''))).toMatchObject({ selector: 'infohash', infohash: HEX })
    expect(query('magnet=m&url=http://x/y')).toMatchObject({ selector: 'url', value: 'http://x/y' })
    expect(query(`magnet=magnet:?xt=urn:btih:${HEX}`)).toMatchObject({ selector: 'magnet', infohash: HEX })
    expect(query('format=json')).toBeNull()
  })

  test.each(['id=abc', 'infohash=xyz', 'magnet=nothing'])('%s names no possible content', (text) => {
    expect(query(text)?.infohash).toBeNull()
  })

  test('a behaviour by prefix holds for an id and its infohash; what a test sets wins', () => {
    const dead = `dead${'1'.repeat(36)}`
    expect(behaviourOf(dead, {})).toBe('dead')
    expect(behaviourOf(infohashOf(dead) ?? '', {})).toBe('dead')
    expect(behaviourOf(HEX, {})).toBe('plays')
    expect(behaviourOf(dead, { dead: 'plays' })).toBe('plays')
    expect(behaviourOf(dead, { d: 'no_data', dead1: 'no_peers' })).toBe('no_peers')
  })
})
