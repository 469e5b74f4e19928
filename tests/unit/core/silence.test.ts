import { describe, expect, test } from 'bun:test'
import { isHopeless, type Silence, silenceInWords, silenceRemedy } from '../../../src/core/engines/silence.ts'

const silence = (change: Partial<Silence> = {}): Silence => ({
  asked: [{ host: '127.0.0.1', port: 19_000 }],
  probes: { count: 12, error: '127.0.0.1:19000: connection refused' },
  httpPort: 19_000,
  otherPorts: [45_000, 62_062, 8_621],
  isKnownImage: false,
  listens: [],
  ...change,
})
const at = (...places: string[]) =>
  places.map((place) => {
    const split = place.lastIndexOf(':')
    return { host: place.slice(0, split), port: Number(place.slice(split + 1)) }
  })

describe('an engine that listens elsewhere', () => {
  const elsewhere = silence({ listens: at('127.0.0.1:6878', '0.0.0.0:8621', '127.0.0.1:62062') })

  test('will not answer, and the sentence says what was asked and where it listens', () => {
    expect(isHopeless(elsewhere)).toBe(true)
    expect(silenceInWords(elsewhere)).toBe(
      'it was asked 12 times, the last time 127.0.0.1:19000: connection refused; ' +
        'nothing listens on its port 19000, it listens on 127.0.0.1:6878',
    )
    expect(silenceRemedy(elsewhere)).toContain('set ENGINE_CMD with --http-port={http_port}')
  })

  test('has a recipe that something replaces, if its image is known', () => {
    const known = { ...elsewhere, isKnownImage: true }
    expect(silenceRemedy(known)).toContain('whether ENGINE_RECIPE, ENGINE_CMD or ENGINE_ENV replaces that')
    expect(silenceRemedy(known)).not.toContain('takes flags')
  })

  test('on a port that may be something else of it may be booting', () => {
    const other = silence({ listens: at('0.0.0.0:9000') })
    expect(isHopeless(other)).toBe(false)
    expect(silenceInWords(other)).toContain('it listens on 0.0.0.0:9000')
  })

  test.each(['127.0.0.1', '[0:0:0:0:0:0:0:1]'])('on its own loopback address %s only is told so', (host) => {
    const loopback = silence({ listens: at(`${host}:19000`) })
    expect(isHopeless(loopback)).toBe(true)
    expect(silenceInWords(loopback)).toContain(`it listens on ${host}:19000, which only itself can reach`)
    expect(silenceRemedy(loopback)).toContain('--bind-all')
  })
})

describe('an engine that may still answer', () => {
  test.each([
    ['listens nowhere', []],
    ['listens only on its other ports', at('0.0.0.0:62062', '0.0.0.0:8621')],
    ['has only the name server of Docker', at('127.0.0.11:34567')],
  ])('%s', (_, listens) => {
    expect(isHopeless(silence({ listens }))).toBe(false)
    expect(silenceInWords(silence({ listens }))).toContain(
      'nothing listens on its port 19000, nor on another one',
    )
  })

  test('listens on its port', () => {
    const listening = silence({ listens: at('127.0.0.1:19000', '0.0.0.0:19000', '127.0.0.1:6878') })
    expect(isHopeless(listening)).toBe(false)
    expect(silenceInWords(listening)).toContain('something listens on its port 19000')
  })

  test('is in a network that nobody could read', () => {
    const unread = silence({ listens: null, probes: null })
    expect(isHopeless(unread)).toBe(false)
    expect(silenceInWords(unread)).toBe('it was asked at 127.0.0.1:19000')
    expect(silenceRemedy(unread)).toContain('docs/ENGINES.md')
  })
})
